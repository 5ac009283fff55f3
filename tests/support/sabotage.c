/* What a broken driver does to a process of Python: for tests of the probe. */
#include <Python.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* With the interpreter's lock held: no other thread runs, no handler of Python's is called. */
static PyObject *hang(PyObject *self, PyObject *unused) {
    signal(SIGTERM, SIG_IGN);
    for (;;)
        pause();
    return NULL;
}

static PyObject *crash(PyObject *self, PyObject *unused) {
    *(volatile int *)8 = 1;
    return NULL;
}

static PyObject *give_up(PyObject *self, PyObject *unused) {
    fputs("Memory access fault by GPU node-1\n\x1b[2J(core dumped)\n", stderr);
    abort();
}

static PyObject *leave(PyObject *self, PyObject *number) {
    _exit((int)PyLong_AsLong(number));
}

/* A process that has left its session and lost its parent; its number is written into the file. */
static PyObject *detach(PyObject *self, PyObject *path) {
    const char *name = PyUnicode_AsUTF8(path);
    int ready[2];
    char ignored;
    if (name == NULL || pipe(ready) != 0)
        return NULL;
    if (fork() == 0) {
        setsid();
        if (fork() == 0) {
            FILE *file = fopen(name, "a");
            setsid();
            signal(SIGTERM, SIG_IGN);
            fprintf(file, "%d\n", (int)getpid());
            fclose(file);
            close(ready[1]);
            for (;;)
                pause();
        }
        _exit(0);
    }
    close(ready[1]);
    while (read(ready[0], &ignored, 1) > 0)
        ;
    close(ready[0]);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"hang", hang, METH_NOARGS, NULL},      {"crash", crash, METH_NOARGS, NULL}, {"give_up", give_up, METH_NOARGS, NULL},
    {"leave", leave, METH_O, NULL},         {"detach", detach, METH_O, NULL},    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "sabotage", NULL, -1, methods};

PyMODINIT_FUNC PyInit_sabotage(void) { return PyModule_Create(&module); }
