"""A journal as systemd 252 writes it: two boots, of which the first was bad, and what another program says.

Made by its systemd-journal-remote from records in the export format, and packed; the machine's number is made up.
"""

from __future__ import annotations

import base64
import lzma
from pathlib import Path

FAULT = "[    5.001000] amdgpu 0000:08:00.0: amdgpu: Fatal error during GPU init"
"""Of the boot before."""
HANG = (
    "[    9.001000] [drm:amdgpu_job_timedout [amdgpu]] *ERROR* ring comp_1.0.0 timeout, signaled seq=2, "
    "emitted seq=4"
)
"""Of the last one."""
_MACHINE = "0123456789abcdef0123456789abcdef"
_PACKED = """\
{Wp48S^xk9=GL@E0stWa8~^|S5YJf5|NkEXZCwB+6a{&@{VY3VyF*v3Oql@6PzM$PalnUStmoii$?)Mu@R>1BqLeoiN-
X!PCeN7l>NJXfCo6=OyHy>CExt}KyonO=I=UT$T=kIZAK@Y)6*<vKyly++8-Zmn_7D%-qyP=TIP-xvzsbSKwV(soA%J1&XLW_|qY
aEciZDbaattIO5-
Q1l7E_0RrlM~^Bv5@(50zgye4(gX8=5@4?V`HHK+vucJuQvl2N6w_7`wB0VsA=1V;D7PvTeTfZc#<ER=n?MOBKUCw|M!ClPX^Iyv
{eJ9Afk(K=<31g-Wjpeyq8ykraf}&zU62a-
5A(2!5w6q*QnV2uH7on`~MlMUU__NZB>FmRGE{P2p)BZ~IGzWymml358n%>Kf`9=Ua;R7FT-
7R)lf11Rh%;LiycOJ@_eP2|IwxDs11h^2W|;Ls5Owfrf>sW5dlJ$@%}p3QOmW$;vo2qI}g|>xM!TJ!haq_%|(J-
Rp9)<VN;X@Q8IRFx$dVRFNW=1_NKoa61&hGB=o|6#=E_qX{bPs{dLhta1z%lBd2ok0jx6o~I*U>?q5H(Uq8rekzgjCw2E3zy_F2n
ElwV)sPRwB~$qIkv1=@>noDglypA<VHnB!LM;*990;U;rprtZ5&2g0W;`+HOSKtVRXO3kqCQq-en|AtbXJ3$1a8c|+31R`mo5J;>
zW<9&ao#LTv>+cW>Q$Z|40Eb6{=xl9C;a2bKrPvJ+x_el>a_i!lG<K%ZNI>8b6C0AQ5Ap`uhL?hiXvh$|Hb$WvYsu?USL^YwlnnC
d`5RyBt=i1GzY6pZ{wG1_1AM{`rm8U1Xu$a=lXD;mH1ZA+|jpU!(gNe+ZvfthP<zX&rC-ONbC`Ld%CU1H-
9`UixV(ncbZ$2uO}P11>`8UsOCSD|D311!&f@Vqtjhm6d0tc-
1AV?^kmhp&AIKFXQ>o6}%29962_udxe^f#14%`A7c!42SJgWA2Dw~N?gwV3De<eQT1Qsgy5}aN_umYC!B(YtVrd;<BFZ_lcCjZlG
KjcX5miiJ()=sE0y_2`cCIk;*thd8J<L*;?m?s_EhkQbu2L3!cbI^B9{gOU&(Mg6u>e!n57i~rRbvxD(tHNS|+S=3>K27zB!L1;b
eUpTahknTC2f#YuNmr=3|E=PdV@eebsvNJ`_`8cC1<C<y!>^`N!I=4)OHWybZ4l6X3@Y6$X8aS*5AlB5qaVvB%s>im~2Qa4N(vLu
PT1gWwYs=MqBEyb<U$YEF3*^`zln;HHNU2s)pOnbmS*kY-RB#CSq<yA*nhP&q0bgC+o7#Hq-nV4Jz*EpJiyr3np+AgyL7-
+6wz?1ixGJaBjl_4}Xf)kzp!@euf}-
HH%6*lbmwv6}+_;Yznc1HTCjg{%t2jm`7!p!s9jpeYHH#pH2%qvFCMW&77*U9ywqWWFOi_Hk#hj0C)ORJOYjglza5hZu>eTLboBX
7d*TO}Ed>1Zid_;~bs>N#Q7;M=C;eb)YIfIU8T9T3)q9d>OUd0gWNs)Jqvak~W35?>3^0o*_Uj8~w4X*l-
fAyK<&aC?;Km1j`5__=jb&jd?{bYtaX8GYqk>L}5)x5CNNE|II)O=d{-
GCz@TKZok4H6`}v>tU4Jr#7lI4I?5#;EJV}G)juTw5sFh+nhhLt{1bk&%BZ^ZIO}Ew@yq%oVQ8=ocp1k0mXsVOt%mWA!^6#><byL
f(Klpy7!<w<8{ZM+4=%&4{{Nn_j~OdQ7cKwYuR)dN+4?-
Tka!yhF|KJ<iqtM2JKMONl==&}E%sFjDF=(2KBN4BQXLY<Lw5%P$yA%8>g@)=7lG}We*A~Dh+gz{&+fEUprS`!ZVMb)CP*hxP0Qi
2ea&I2Y1}jV*Ut^;6=$eZ6q)?3MMRrMuduqX^a0BIySLaDJ~)Eq-Imqfr;d2?8m3C7uCaIDJk*`XzTZe!s-
j@j^YFttJMobsKD^v*T|FBOp}BRUG;czopxt23-
*CeD4=3##schjf0d+K(hkJ)|0~7~mw9`}B*ucCtrAR~VVfiP%7j$@Pi)o=4QC>>L@i&5Bv!YPKJ%%aB*L>x{ySzx{uZS?wR{<qGK
76!=p^Pc-O1{6@Xf7sPRQjUXv--
W#PVPQsFNbq$5Lw`~J4;V<i1STNr9TU*T{Rz&X%@6q<N%IN7=owPPWJdxd&7JVJtIv_H!YR=MMaWYC$`r(U=(faDb?L3v-n-n-
siyYu%lT9(kQ}d$n~1dSSU5)^9+xeKLz0z2swNit>GmJB!%*dgWNQQ(#R^oR9>h4C7iPMnNjMURl-aUJ*;t;IRXbu6%mN2fq(*3S
=~zt?r>h2)W@(S2{ar`<f{xtYJ|cjI$gh5{>BtjTC+z<H%<Xx7{JnO^yq2!I8Y~d#*jsJTP1JvEwr&gN6TqKomY^)?;+kcU@>lRo
~I*U>?q5H(Uq8rekzgjCw2E3zy_F2nElwV)sPRwBK3S4pZ^d6D*)_sQ>XpDu6!{XpSO)MZg8HbBVX(&%Z1UEn2LTXk@6>X_Zh$jm
`#}d*ss-)55y%?`1O%CF$JZt?r*_xO-BsTkrAq`U>&;7u_qW@S%&FmQdqv}cC1<C<y!>^`N!I={QFWXbj==HAVT@wQ$6@8WC=Tf%
PMT&wL9>{y)Iv>4?as~LXZ;<{}7Y-ad=ty3(fzPC`J#d{CwW~nlLU_z>kIVgMq+h#3fVs^^rC)1*Nd=Z^3X)M-
0)C5vr|V9lFl3Cm38=hUsQfSib3YtXbscTLlRD$J(v@`%)`(%^q7ILiycOJ@_eP2|IwxDs11iJMhH4E?=q-
K1*gokP{C75R>?Ecv<)h&Ht4sMh~g{eBS$-FfLZWkA?Gtfxu<NB~cGQvY-DD0V@FPb5p1NzOH;R8lSg~F>Y|4rz2nND9eS>m6(ct
Dv|Ohb@v&-2AEBl{n)S7kPpNqQ~33fHZcXIu<mcca7{-
H(UB3VtzaFx&ao#LTv>+cW>Q$b>2|DH<mFoh2>Hj_t^E5^D|F2sTOdOD-
BUgIDP##dfXgau-?cmN#Jw(Gst-O(W<rn?4*w97_;Gky_zTVdl_*9Jsr-E2`<gH=R=|&i^MirFWyB>@`1O%CF$JZt?r*_xO-BsTk
rAq`U>&;7u_qW@S%&FmQdqv}cC1<C<y!>^`N!I={QFWXbj==HAVT@wQ$6@8WC=Tf%PMT&wL9>{y)Iv>4?as~LXZ;<{}7Y-
ad=ty3(fzPC`J#d{CwW~nlLU_z>kIVgMq+h#3fM=KeB)WQ2+%1dJ6jfd;kCd2a<5}|F@&Y00Dv&fPjDmrJ>I?vBYQl0ssI200dcD
"""


def write_journal(root: Path) -> None:
    """Where the system at *root* keeps it."""
    folder = root / "var/log/journal" / _MACHINE
    folder.mkdir(parents=True)
    (folder / "system.journal").write_bytes(lzma.decompress(base64.b85decode(_PACKED.replace("\n", ""))))
