// y = a * x + y on the GPU, checked on the CPU. What scripts/demo compiles.
#include <hip/hip_runtime.h>

#include <cstdio>
#include <vector>

__global__ void saxpy(int n, float a, const float *x, float *y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = a * x[i] + y[i];
}

int main() {
    const int n = 1 << 20;
    int version = 0, devices = 0;
    if (hipRuntimeGetVersion(&version) != hipSuccess) return 1;
    printf("HIP runtime %d\n", version);
    if (hipGetDeviceCount(&devices) != hipSuccess || devices == 0) {
        printf("no AMD GPU here: compiled and linked, not computed\n");
        return 0;
    }
    std::vector<float> x(n, 2.0f), y(n, 1.0f);
    float *on_gpu_x, *on_gpu_y;
    if (hipMalloc(&on_gpu_x, n * sizeof(float)) != hipSuccess) return 1;
    if (hipMalloc(&on_gpu_y, n * sizeof(float)) != hipSuccess) return 1;
    if (hipMemcpy(on_gpu_x, x.data(), n * sizeof(float), hipMemcpyHostToDevice) != hipSuccess) return 1;
    if (hipMemcpy(on_gpu_y, y.data(), n * sizeof(float), hipMemcpyHostToDevice) != hipSuccess) return 1;
    saxpy<<<(n + 255) / 256, 256>>>(n, 3.0f, on_gpu_x, on_gpu_y);
    if (hipMemcpy(y.data(), on_gpu_y, n * sizeof(float), hipMemcpyDeviceToHost) != hipSuccess) return 1;
    for (float value : y)
        if (value != 7.0f) return 1;
    printf("%d elements computed on the GPU, all right\n", n);
    return 0;
}
