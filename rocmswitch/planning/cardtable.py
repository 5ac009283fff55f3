"""PCI ids of AMD's cards: the target of each, and what it is called. Only planning/cardnames.py reads this.

Targets: GPUOpen-Tools/device_info@a44c00c, DeviceInfo.cpp. Names, and the Instincts and the RX 6300 that are not
there: the table of libdrm 2.4.131; `scripts/card_names.py FILE` writes its rows in the form of NAMES. Ids are in
hexadecimal.
"""

TARGETS = """\
gfx803 | Fiji, Polaris | GCN
    67c0 67c1 67c2 67c4 67c7 67d0 67df 67e0 67e3 67e8 67eb 67ef 67ff 694c 694e 694f 6980 6981 6984 6985 6986
    6987 6995 6997 699f 6fdf 7300 730f
gfx900 | Vega 10 | GCN 5
    6860 6861 6862 6863 6864 6867 6868 6869 686a 686b 686c 686d 686e 687f
gfx902 | Raven | GCN 5 | integrated
    15d8 15d9 15dd
gfx906 | Vega 20 | GCN 5.1
    66a0 66a1 66a2 66a3 66a4 66a7 66af
gfx908 | MI100 | CDNA 1
    738c
gfx90a | MI200 | CDNA 2
    7408 740c 740f
gfx90c | Renoir, Cezanne | GCN 5 | integrated
    15e7 1636 1638 164c
gfx942 | MI300 | CDNA 3
    74a0 74a1 74a2 74a5 74a8 74a9 74b5 74b6 74bd
gfx950 | MI350 | CDNA 4
    75a0 75a1 75a3 75b0 75b3
gfx1010 | Navi 10 | RDNA 1
    7310 7312 7318 7319 731a 731b 731e 731f
gfx1011 | Navi 12 | RDNA 1
    7360 7362
gfx1012 | Navi 14 | RDNA 1
    7340 7341 7343 7347 734f
gfx1030 | Navi 21 | RDNA 2
    73a0 73a1 73a2 73a3 73a5 73ab 73ae 73af 73bf
gfx1031 | Navi 22 | RDNA 2
    73c0 73c1 73c3 73ce 73df
gfx1032 | Navi 23 | RDNA 2
    73e0 73e1 73e3 73ef 73ff
gfx1033 | Van Gogh | RDNA 2 | integrated
    163f
gfx1034 | Navi 24 | RDNA 2
    7420 7421 7422 7423 7424 743f
gfx1035 | Rembrandt | RDNA 2 | integrated
    164d 1681
gfx1036 | Raphael | RDNA 2 | integrated
    13c0 1506 164e
gfx1100 | Navi 31 | RDNA 3
    73a8 7448 7449 744a 744b 744c 745e
gfx1101 | Navi 32 | RDNA 3
    73c4 73c5 73c8 7460 7461 7470 7478 747e
gfx1102 | Navi 33 | RDNA 3
    73f0 7480 7481 7483 7487 7489 748b 7499
gfx1103 | Phoenix | RDNA 3 | integrated
    15bf 15c8 1900 1901
gfx1150 | Strix Point | RDNA 3.5 | integrated
    150e
gfx1151 | Strix Halo | RDNA 3.5 | integrated
    1586
gfx1152 | Krackan | RDNA 3.5 | integrated
    1114
gfx1153 |  | RDNA 3.5 | integrated
    1902
gfx1200 | Navi 44 | RDNA 4
    7590
gfx1201 | Navi 48 | RDNA 4
    7550 7551
"""
"""By target: its chip, its architecture, whether it is part of a processor; below that the devices."""

INTEGRATED = "74a0"
"""Devices that are, though others of their target are not: MI300A."""

BY_REVISION = "73ff df gfx1031"
"""Device, revision and target where a device is of another target in one revision: 0x73ff is
an RX 6600 and, as df, a Navi 22."""

NAMES = """\
67c0 00 | Radeon Pro WX 7100 Graphics
67c0 80 | Radeon E9550
67c2 01 | Radeon Pro V7350x2
67c2 02 | Radeon Pro V7300X
67c4 00 | Radeon Pro WX 7100 Graphics
67c4 80 | Radeon E9560 / E9565 Graphics
67c7 00 | Radeon Pro WX 5100 Graphics
67c7 80 | Radeon E9390 Graphics
67d0 01 | Radeon Pro V7350x2
67d0 02 | Radeon Pro V7300X
67df c0 eb | Radeon Pro 580X
67df c1 c3 e7 | Radeon RX 580 Series
67df c2 c6 ef | Radeon RX 570 Series
67df c4 c7 | Radeon RX 480 Graphics
67df c5 cf d7 | Radeon RX 470 Graphics
67df e0 ff | Radeon RX 470 Series
67df e1 | Radeon RX 590 Series
67df e3 | Radeon RX Series
67df f7 | Radeon RX P30PH
67e0 00 | Radeon Pro WX Series
67e3 00 | Radeon Pro WX 4100
67e8 00 01 | Radeon Pro WX Series
67e8 80 | Radeon E9260 Graphics
67eb 00 | Radeon Pro V5300X
67ef c0 c7 | Radeon RX Graphics
67ef c1 c5 cf ff | Radeon RX 460 Graphics
67ef c2 | Radeon Pro Series
67ef c3 e1 e3 | Radeon RX Series
67ef e0 e5 e7 | Radeon RX 560 Series
67ef e2 | Radeon RX 560X
67ef ef | Radeon 550 Series
67ff c0 | Radeon Pro 465
67ff c1 cf ef | Radeon RX 560 Series
67ff ff | Radeon RX 550 Series
694c c0 | Radeon RX Vega M GH Graphics
694e c0 | Radeon RX Vega M GL Graphics
6980 00 | Radeon Pro WX 3100
6981 00 01 10 | Radeon Pro WX 3200 Series
6985 00 | Radeon Pro WX 3100
6986 00 | Radeon Pro WX 2100
6987 80 | Embedded Radeon E9171
6987 c0 | Radeon 550X Series
6987 c1 | Radeon RX 640
6987 c3 | Radeon 540X Series
6987 c7 | Radeon 540
6995 00 | Radeon Pro WX 2100
6997 00 | Radeon Pro WX 2100
699f 81 | Embedded Radeon E9170 Series
699f c0 c3 | Radeon 500 Series
699f c1 | Radeon 540 Series
699f c7 | Radeon RX 550 / 550 Series
699f c9 | Radeon 540
6fdf e7 | Radeon RX 590 GME
6fdf ef | Radeon RX 580 2048SP
7300 c1 | FirePro S9300 x2
7300 c8 ca cb | Radeon R9 Fury Series
7300 c9 | Radeon Pro Duo
6860 00 01 02 | Radeon Instinct MI25
6860 03 | Radeon Pro V340
6860 04 | Radeon Instinct MI25x2
6860 07 | Radeon Pro V320
6861 00 | Radeon Pro WX 9100
6862 00 | Radeon Pro SSG
6863 00 | Radeon Vega Frontier Edition
6864 03 05 | Radeon Pro V340
6864 04 | Radeon Instinct MI25x2
6868 00 | Radeon Pro WX 8200
686c 00 01 02 06 | Radeon Instinct MI25 MxGPU
686c 03 | Radeon Pro V340 MxGPU
686c 04 | Radeon Instinct MI25x2 MxGPU
686c 05 | Radeon Pro V340L MxGPU
687f 01 c0 c1 c3 c7 | Radeon RX Vega
15d8 00 | Radeon RX Vega 8 Graphics WS
15d8 91 92 a4 b4 c4 c5 cc ce d4 db dc dd de df e3 | Radeon Vega 3 Graphics
15d8 93 | Radeon Vega 1 Graphics
15d8 a1 b1 c1 d1 | Radeon Vega 10 Graphics
15d8 a2 b2 c2 c9 cb d2 d9 | Radeon Vega 8 Graphics
15d8 a3 b3 c3 d3 | Radeon Vega 6 Graphics
15d8 c8 ca d8 da | Radeon Vega 11 Graphics
15d8 cf | Ryzen Embedded R1305G with Radeon Vega Gfx
15d8 e4 | Ryzen Embedded R1102G with Radeon Vega Gfx
15dd 81 | Ryzen Embedded V1807B with Radeon Vega Gfx
15dd 82 | Ryzen Embedded V1756B with Radeon Vega Gfx
15dd 83 | Ryzen Embedded V1605B with Radeon Vega Gfx
15dd 84 cc d9 | Radeon Vega 6 Graphics
15dd 85 | Ryzen Embedded V1202B with Radeon Vega Gfx
15dd 86 c1 c6 c9 d3 d6 | Radeon Vega 11 Graphics
15dd 88 c2 c4 c8 ca d1 d5 d7 | Radeon Vega 8 Graphics
15dd c3 | Radeon Vega 3 / 10 Graphics
15dd c5 cb ce cf d8 e1 e2 | Radeon Vega 3 Graphics
15dd d0 | Radeon Vega 10 Graphics
66a1 02 | Instinct MI60 / MI50
66a1 06 | Radeon Pro VII
66af c1 | Radeon VII
738c 01 | Instinct MI100
7408 00 | Instinct MI250X
740c 01 | Instinct MI250X / MI250
740f 02 | Instinct MI210
74a0 00 | Instinct MI300A
74a1 00 | Instinct MI300X
74a2 00 | Instinct MI308X
74a5 00 | Instinct MI325X
74a8 00 | Instinct MI308X HF
74a9 00 | Instinct MI300X HF
74b5 00 | Instinct MI300X VF
74b6 00 | Instinct MI308X
74bd 00 | Instinct MI300X HF
75a0 c0 | Instinct MI350X
75a3 c0 | Instinct MI355X
75b0 c0 | Instinct MI350X VF
75b3 c0 | Instinct MI355X VF
7312 00 | Radeon Pro W5700
731e c6 | Radeon RX 5700XTB
731e c7 | Radeon RX 5700B
731f c0 | Radeon RX 5700 XT 50th Anniversary
731f c1 c5 | Radeon RX 5700 XT
731f c2 | Radeon RX 5600M
731f c3 | Radeon RX 5700M
731f c4 | Radeon RX 5700
731f ca | Radeon RX 5600 XT
731f cb | Radeon RX 5600 OEM
7360 41 | Radeon Pro 5600M
7360 c3 | Radeon Pro V520
7362 c1 | Radeon Pro V540
7362 c3 | Radeon Pro V520
7340 c1 | Radeon RX 5500M
7340 c3 | Radeon RX 5300M
7340 c5 | Radeon RX 5500 XT
7340 c7 | Radeon RX 5500
7340 c9 | Radeon RX 5500XTB
7340 cf | Radeon RX 5300
7341 00 | Radeon Pro W5500
7347 00 | Radeon Pro W5500M
73a1 00 | Radeon Pro V620
73a3 00 | Radeon Pro W6800
73a5 c0 | Radeon RX 6950 XT
73ae 00 | Radeon Pro V620 MxGPU
73af c0 | Radeon RX 6900 XT
73bf c0 | Radeon RX 6900 XT
73bf c1 | Radeon RX 6800 XT
73bf c3 | Radeon RX 6800
73df c0 | Radeon RX 6750 XT
73df c1 c5 | Radeon RX 6700 XT
73df c2 c3 | Radeon RX 6800M
73df cf | Radeon RX 6700M
73df d5 e5 | Radeon RX 6750 GRE 12GB
73df d7 | TDC-235
73df df ff | Radeon RX 6700
73e0 00 | Radeon RX 6600M
73e1 00 | Radeon Pro W6600M
73e3 00 | Radeon Pro W6600
73ef c0 | Radeon RX 6800S
73ef c1 | Radeon RX 6650 XT
73ef c2 | Radeon RX 6700S
73ef c3 | Radeon RX 6650M
73ef c4 | Radeon RX 6650M XT
73ff c1 | Radeon RX 6600 XT
73ff c3 | Radeon RX 6600M
73ff c7 | Radeon RX 6600
73ff cb | Radeon RX 6600S
73ff cf | Radeon RX 6600 LE
73ff df | Radeon RX 6750 GRE 10GB
163f ae e1 | Custom GPU 0405
7421 00 | Radeon Pro W6500M
7422 00 | Radeon Pro W6400
7423 00 | Radeon Pro W6300M
7423 01 | Radeon Pro W6300
7424 00 | Radeon RX 6300
743f c1 | Radeon RX 6500 XT
743f c3 | Radeon RX 6500
743f c7 d7 | Radeon RX 6400
743f c8 | Radeon RX 6500M
743f cc | Radeon 6550S
743f ce | Radeon RX 6450M
743f cf | Radeon RX 6300M
743f d3 | Radeon RX 6550M
1681 06 0a c7 c8 | Radeon 680M
1681 07 0b c9 | Radeon 660M
1506 c1 c2 c3 c4 | Radeon 610M
164e d8 d9 da db dc | Radeon 610M
7448 00 | Radeon Pro W7900
7449 00 | Radeon Pro W7800 48GB
744a 00 | Radeon Pro W7900 Dual Slot
744b 00 | Radeon Pro W7900D
744c c8 | Radeon RX 7900 XTX
744c cc | Radeon RX 7900 XT
744c ce | Radeon RX 7900 GRE
744c cf | Radeon RX 7900M
745e cc | Radeon Pro W7800
7460 00 | Radeon Pro V710
7461 00 | Radeon Pro V710 MxGPU
7470 00 | Radeon Pro W7700
747e c8 | Radeon RX 7800 XT
747e d8 | Radeon RX 7800M
747e db | Radeon RX 7700
747e ff | Radeon RX 7700 XT
7480 00 | Radeon Pro W7600
7480 c0 | Radeon RX 7600 XT
7480 c1 | Radeon RX 7700S
7480 c2 | Radeon RX 7650 GRE
7480 c3 | Radeon RX 7600S
7480 c7 | Radeon RX 7600M XT
7480 cf | Radeon RX 7600
7481 c7 | Steam Machine
7483 cf | Radeon RX 7600M
7489 00 | Radeon Pro W7500
7499 00 | Radeon Pro W7400
7499 c0 | Radeon RX 7400
7499 c1 | Radeon RX 7300
15bf 00 02 c1 c2 c4 c6 c7 c9 cf d0 d1 d2 d3 d4 d7 d9 da dd | Radeon 780M Graphics
15bf 01 03 c3 c8 cb cd d5 d6 db dc df f0 | Radeon 760M Graphics
15bf c5 ca cc d8 de | Radeon 740M Graphics
15c8 c1 c2 c3 c4 d1 d2 d3 d4 | Radeon 740M Graphics
1900 01 03 05 06 b0 b1 b2 b3 b4 b5 b6 b9 ba bb c0 c2 c4 c5 c7 c9 cb cc ce d0 d2 d4 d5 d7 | Radeon 780M Graphics
1900 d9 db dc de f0 f1 f2 | Radeon 780M Graphics
1900 02 04 07 b7 b8 c1 c3 c6 c8 ca cd cf d1 d3 d6 d8 da dd df | Radeon 760M Graphics
1901 c1 c2 c3 c6 c7 c8 c9 ca d1 d2 d3 d4 d5 d6 d7 d8 | Radeon 740M Graphics
150e c1 c4 c5 c6 d1 d2 d3 | Radeon 890M Graphics
1586 c1 d1 | Radeon 8060S Graphics
1586 c2 c4 d2 d4 | Radeon 8050S Graphics
1586 d5 | Radeon 8040S Graphics
1114 c2 d2 | Radeon 860M Graphics
1114 c3 d3 | Radeon 840M Graphics
7590 c0 | Radeon RX 9060 XT
7590 c7 | Radeon RX 9060
7550 c0 | Radeon RX 9070 XT
7550 c2 | Radeon RX 9070 GRE
7550 c3 | Radeon RX 9070
7551 c0 | Radeon AI PRO R9700
"""
"""A device, its revisions, and the name without `AMD`; of revisions that stand twice, the first counts."""
