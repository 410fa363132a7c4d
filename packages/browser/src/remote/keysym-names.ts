/**
 * X11 keysym names by Unicode code point, as the public list of the X Window System has them (keysymdef.h of The Open Group), with the
 * choices of the reference where a character has several (Appendix C). `20:` is the code point of the name that follows, in
 * hexadecimal; the names after that belong to the code points after that.
 */
const LIST = `
8: BackSpace Tab Linefeed Clear d: Return 13: Pause Scroll_Lock Sys_Req 1b: Escape 20: space exclam quotedbl numbersign
dollar percent ampersand apostrophe parenleft parenright asterisk plus comma minus period slash 0 1 2 3 4 5 6 7 8 9 colon
semicolon less equal greater question at A B C D E F G H I J K L M N O P Q R S T U V W X Y Z bracketleft backslash
bracketright asciicircum underscore grave a b c d e f g h i j k l m n o p q r s t u v w x y z braceleft bar braceright
asciitilde a0: nobreakspace exclamdown cent sterling currency yen brokenbar section diaeresis copyright ordfeminine
guillemotleft notsign hyphen registered macron degree plusminus twosuperior threesuperior acute mu paragraph periodcentered
cedilla onesuperior masculine guillemotright onequarter onehalf threequarters questiondown Agrave Aacute Acircumflex Atilde
Adiaeresis Aring AE Ccedilla Egrave Eacute Ecircumflex Ediaeresis Igrave Iacute Icircumflex Idiaeresis ETH Ntilde Ograve
Oacute Ocircumflex Otilde Odiaeresis multiply Ooblique Ugrave Uacute Ucircumflex Udiaeresis Yacute THORN ssharp agrave
aacute acircumflex atilde adiaeresis aring ae ccedilla egrave eacute ecircumflex ediaeresis igrave iacute icircumflex
idiaeresis eth ntilde ograve oacute ocircumflex otilde odiaeresis division oslash ugrave uacute ucircumflex udiaeresis
yacute thorn ydiaeresis Amacron amacron Abreve abreve Aogonek aogonek Cacute cacute Ccircumflex ccircumflex Cabovedot
cabovedot Ccaron ccaron Dcaron dcaron Dstroke dstroke Emacron emacron 116: Eabovedot eabovedot Eogonek eogonek Ecaron ecaron
Gcircumflex gcircumflex Gbreve gbreve Gabovedot gabovedot Gcedilla gcedilla Hcircumflex hcircumflex Hstroke hstroke Itilde
itilde Imacron imacron Ibreve ibreve Iogonek iogonek Iabovedot idotless 134: Jcircumflex jcircumflex Kcedilla kcedilla kra
Lacute lacute Lcedilla lcedilla Lcaron lcaron 141: Lstroke lstroke Nacute nacute Ncedilla ncedilla Ncaron ncaron 14a: ENG
eng Omacron omacron 150: Odoubleacute odoubleacute OE oe Racute racute Rcedilla rcedilla Rcaron rcaron Sacute sacute
Scircumflex scircumflex Scedilla scedilla Scaron scaron Tcedilla tcedilla Tcaron tcaron Tslash tslash Utilde utilde Umacron
umacron Ubreve ubreve Uring uring Udoubleacute udoubleacute Uogonek uogonek Wcircumflex wcircumflex Ycircumflex ycircumflex
Ydiaeresis Zacute zacute Zabovedot zabovedot Zcaron zcaron 18f: SCHWA 192: function 19f: Obarred Ohorn ohorn 1af: Uhorn
uhorn 1b5: Zstroke zstroke EZH 1d1: Ocaron ocaron 1e6: Gcaron gcaron 259: schwa 275: obarred 292: ezh 2c7: caron 2d8: breve
abovedot 2db: ogonek 2dd: doubleacute 300: dead_grave dead_acute dead_circumflex dead_tilde dead_macron 306: dead_breve
dead_abovedot dead_diaeresis dead_hook dead_abovering dead_doubleacute dead_caron 31b: dead_horn 323: dead_belowdot 327:
dead_cedilla dead_ogonek 345: dead_iota 385: Greek_accentdieresis Greek_ALPHAaccent 388: Greek_EPSILONaccent Greek_ETAaccent
Greek_IOTAaccent 38c: Greek_OMICRONaccent 38e: Greek_UPSILONaccent Greek_OMEGAaccent Greek_iotaaccentdieresis Greek_ALPHA
Greek_BETA Greek_GAMMA Greek_DELTA Greek_EPSILON Greek_ZETA Greek_ETA Greek_THETA Greek_IOTA Greek_KAPPA Greek_LAMBDA
Greek_MU Greek_NU Greek_XI Greek_OMICRON Greek_PI Greek_RHO 3a3: Greek_SIGMA Greek_TAU Greek_UPSILON Greek_PHI Greek_CHI
Greek_PSI Greek_OMEGA Greek_IOTAdiaeresis Greek_UPSILONdieresis Greek_alphaaccent Greek_epsilonaccent Greek_etaaccent
Greek_iotaaccent Greek_upsilonaccentdieresis Greek_alpha Greek_beta Greek_gamma Greek_delta Greek_epsilon Greek_zeta
Greek_eta Greek_theta Greek_iota Greek_kappa Greek_lambda Greek_mu Greek_nu Greek_xi Greek_omicron Greek_pi Greek_rho
Greek_finalsmallsigma Greek_sigma Greek_tau Greek_upsilon Greek_phi Greek_chi Greek_psi Greek_omega Greek_iotadieresis
Greek_upsilondieresis Greek_omicronaccent Greek_upsilonaccent Greek_omegaaccent 401: Cyrillic_IO Serbian_DJE Macedonia_GJE
Ukrainian_IE Macedonia_DSE Ukrainian_I Ukrainian_YI Cyrillic_JE Cyrillic_LJE Cyrillic_NJE Serbian_TSHE Macedonia_KJE 40e:
Byelorussian_SHORTU Cyrillic_DZHE Cyrillic_A Cyrillic_BE Cyrillic_VE Cyrillic_GHE Cyrillic_DE Cyrillic_IE Cyrillic_ZHE
Cyrillic_ZE Cyrillic_I Cyrillic_SHORTI Cyrillic_KA Cyrillic_EL Cyrillic_EM Cyrillic_EN Cyrillic_O Cyrillic_PE Cyrillic_ER
Cyrillic_ES Cyrillic_TE Cyrillic_U Cyrillic_EF Cyrillic_HA Cyrillic_TSE Cyrillic_CHE Cyrillic_SHA Cyrillic_SHCHA
Cyrillic_HARDSIGN Cyrillic_YERU Cyrillic_SOFTSIGN Cyrillic_E Cyrillic_YU Cyrillic_YA Cyrillic_a Cyrillic_be Cyrillic_ve
Cyrillic_ghe Cyrillic_de Cyrillic_ie Cyrillic_zhe Cyrillic_ze Cyrillic_i Cyrillic_shorti Cyrillic_ka Cyrillic_el Cyrillic_em
Cyrillic_en Cyrillic_o Cyrillic_pe Cyrillic_er Cyrillic_es Cyrillic_te Cyrillic_u Cyrillic_ef Cyrillic_ha Cyrillic_tse
Cyrillic_che Cyrillic_sha Cyrillic_shcha Cyrillic_hardsign Cyrillic_yeru Cyrillic_softsign Cyrillic_e Cyrillic_yu
Cyrillic_ya 451: Cyrillic_io Serbian_dje Macedonia_gje Ukrainian_ie Macedonia_dse Ukrainian_i Ukrainian_yi Cyrillic_je
Cyrillic_lje Cyrillic_nje Serbian_tshe Macedonia_kje 45e: Byelorussian_shortu Cyrillic_dzhe 490: Ukrainian_GHE_WITH_UPTURN
Ukrainian_ghe_with_upturn Cyrillic_GHE_bar Cyrillic_ghe_bar 496: Cyrillic_ZHE_descender Cyrillic_zhe_descender 49a:
Cyrillic_KA_descender Cyrillic_ka_descender Cyrillic_KA_vertstroke Cyrillic_ka_vertstroke 4a2: Cyrillic_EN_descender
Cyrillic_en_descender 4ae: Cyrillic_U_straight Cyrillic_u_straight Cyrillic_U_straight_bar Cyrillic_u_straight_bar
Cyrillic_HA_descender Cyrillic_ha_descender 4b6: Cyrillic_CHE_descender Cyrillic_che_descender Cyrillic_CHE_vertstroke
Cyrillic_che_vertstroke Cyrillic_SHHA Cyrillic_shha 4d8: Cyrillic_SCHWA Cyrillic_schwa 4e2: Cyrillic_I_macron
Cyrillic_i_macron 4e8: Cyrillic_O_bar Cyrillic_o_bar 4ee: Cyrillic_U_macron Cyrillic_u_macron 531: Armenian_AYB Armenian_BEN
Armenian_GIM Armenian_DA Armenian_YECH Armenian_ZA Armenian_E Armenian_AT Armenian_TO Armenian_ZHE Armenian_INI
Armenian_LYUN Armenian_KHE Armenian_TSA Armenian_KEN Armenian_HO Armenian_DZA Armenian_GHAT Armenian_TCHE Armenian_MEN
Armenian_HI Armenian_NU Armenian_SHA Armenian_VO Armenian_CHA Armenian_PE Armenian_JE Armenian_RA Armenian_SE Armenian_VEV
Armenian_TYUN Armenian_RE Armenian_TSO Armenian_VYUN Armenian_PYUR Armenian_KE Armenian_O Armenian_FE 55a:
Armenian_apostrophe Armenian_shesht Armenian_amanak Armenian_but Armenian_paruyk 561: Armenian_ayb Armenian_ben Armenian_gim
Armenian_da Armenian_yech Armenian_za Armenian_e Armenian_at Armenian_to Armenian_zhe Armenian_ini Armenian_lyun
Armenian_khe Armenian_tsa Armenian_ken Armenian_ho Armenian_dza Armenian_ghat Armenian_tche Armenian_men Armenian_hi
Armenian_nu Armenian_sha Armenian_vo Armenian_cha Armenian_pe Armenian_je Armenian_ra Armenian_se Armenian_vev Armenian_tyun
Armenian_re Armenian_tso Armenian_vyun Armenian_pyur Armenian_ke Armenian_o Armenian_fe Armenian_ligature_ew 589:
Armenian_verjaket Armenian_yentamna 5d0: hebrew_aleph hebrew_beth hebrew_gimmel hebrew_daleth hebrew_he hebrew_waw
hebrew_zayin hebrew_het hebrew_teth hebrew_yod hebrew_finalkaph hebrew_kaph hebrew_lamed hebrew_finalmem hebrew_mem
hebrew_finalnun hebrew_nun hebrew_samekh hebrew_ayin hebrew_finalpe hebrew_pe hebrew_finalzadi hebrew_zadi hebrew_qoph
hebrew_resh hebrew_shin hebrew_taw 60c: Arabic_comma 61b: Arabic_semicolon 61f: Arabic_question_mark 621: Arabic_hamza
Arabic_maddaonalef Arabic_hamzaonalef Arabic_hamzaonwaw Arabic_hamzaunderalef Arabic_hamzaonyeh Arabic_alef Arabic_beh
Arabic_tehmarbuta Arabic_teh Arabic_theh Arabic_jeem Arabic_hah Arabic_khah Arabic_dal Arabic_thal Arabic_ra Arabic_zain
Arabic_seen Arabic_sheen Arabic_sad Arabic_dad Arabic_tah Arabic_zah Arabic_ain Arabic_ghain 640: Arabic_tatweel Arabic_feh
Arabic_qaf Arabic_kaf Arabic_lam Arabic_meem Arabic_noon Arabic_ha Arabic_waw Arabic_alefmaksura Arabic_yeh Arabic_fathatan
Arabic_dammatan Arabic_kasratan Arabic_fatha Arabic_damma Arabic_kasra Arabic_shadda Arabic_sukun Arabic_madda_above
Arabic_hamza_above Arabic_hamza_below 660: Arabic_0 Arabic_1 Arabic_2 Arabic_3 Arabic_4 Arabic_5 Arabic_6 Arabic_7 Arabic_8
Arabic_9 Arabic_percent 670: Arabic_superscript_alef 679: Arabic_tteh 67e: Arabic_peh 686: Arabic_tcheh 688: Arabic_ddal
691: Arabic_rreh 698: Arabic_jeh 6a4: Arabic_veh 6a9: Arabic_keheh 6af: Arabic_gaf 6ba: Arabic_noon_ghunna 6be:
Arabic_heh_doachashmee 6c1: Arabic_heh_goal 6cc: Farsi_yeh 6d2: Arabic_yeh_baree 6d4: Arabic_fullstop 6f0: Farsi_0 Farsi_1
Farsi_2 Farsi_3 Farsi_4 Farsi_5 Farsi_6 Farsi_7 Farsi_8 Farsi_9 d82: Sinh_ng Sinh_h2 d85: Sinh_a Sinh_aa Sinh_ae Sinh_aee
Sinh_i Sinh_ii Sinh_u Sinh_uu Sinh_ri Sinh_rii Sinh_lu Sinh_luu Sinh_e Sinh_ee Sinh_ai Sinh_o Sinh_oo Sinh_au d9a: Sinh_ka
Sinh_kha Sinh_ga Sinh_gha Sinh_ng2 Sinh_nga Sinh_ca Sinh_cha Sinh_ja Sinh_jha Sinh_nya Sinh_jnya Sinh_nja Sinh_tta Sinh_ttha
Sinh_dda Sinh_ddha Sinh_nna Sinh_ndda Sinh_tha Sinh_thha Sinh_dha Sinh_dhha Sinh_na db3: Sinh_ndha Sinh_pa Sinh_pha Sinh_ba
Sinh_bha Sinh_ma Sinh_mba Sinh_ya Sinh_ra dbd: Sinh_la dc0: Sinh_va Sinh_sha Sinh_ssha Sinh_sa Sinh_ha Sinh_lla Sinh_fa dca:
Sinh_al dcf: Sinh_aa2 Sinh_ae2 Sinh_aee2 Sinh_i2 Sinh_ii2 Sinh_u2 dd6: Sinh_uu2 dd8: Sinh_ru2 Sinh_e2 Sinh_ee2 Sinh_ai2
Sinh_o2 Sinh_oo2 Sinh_au2 Sinh_lu2 df2: Sinh_ruu2 Sinh_luu2 Sinh_kunddaliya e01: Thai_kokai Thai_khokhai Thai_khokhuat
Thai_khokhwai Thai_khokhon Thai_khorakhang Thai_ngongu Thai_chochan Thai_choching Thai_chochang Thai_soso Thai_chochoe
Thai_yoying Thai_dochada Thai_topatak Thai_thothan Thai_thonangmontho Thai_thophuthao Thai_nonen Thai_dodek Thai_totao
Thai_thothung Thai_thothahan Thai_thothong Thai_nonu Thai_bobaimai Thai_popla Thai_phophung Thai_fofa Thai_phophan
Thai_fofan Thai_phosamphao Thai_moma Thai_yoyak Thai_rorua Thai_ru Thai_loling Thai_lu Thai_wowaen Thai_sosala Thai_sorusi
Thai_sosua Thai_hohip Thai_lochula Thai_oang Thai_honokhuk Thai_paiyannoi Thai_saraa Thai_maihanakat Thai_saraaa Thai_saraam
Thai_sarai Thai_saraii Thai_saraue Thai_sarauee Thai_sarau Thai_sarauu Thai_phinthu e3f: Thai_baht Thai_sarae Thai_saraae
Thai_sarao Thai_saraaimaimuan Thai_saraaimaimalai Thai_lakkhangyao Thai_maiyamok Thai_maitaikhu Thai_maiek Thai_maitho
Thai_maitri Thai_maichattawa Thai_thanthakhat Thai_nikhahit e50: Thai_leksun Thai_leknung Thai_leksong Thai_leksam
Thai_leksi Thai_lekha Thai_lekhok Thai_lekchet Thai_lekpaet Thai_lekkao 10d0: Georgian_an Georgian_ban Georgian_gan
Georgian_don Georgian_en Georgian_vin Georgian_zen Georgian_tan Georgian_in Georgian_kan Georgian_las Georgian_man
Georgian_nar Georgian_on Georgian_par Georgian_zhar Georgian_rae Georgian_san Georgian_tar Georgian_un Georgian_phar
Georgian_khar Georgian_ghan Georgian_qar Georgian_shin Georgian_chin Georgian_can Georgian_jil Georgian_cil Georgian_char
Georgian_xan Georgian_jhan Georgian_hae Georgian_he Georgian_hie Georgian_we Georgian_har Georgian_hoe Georgian_fi 11a8:
Hangul_J_Kiyeog Hangul_J_SsangKiyeog Hangul_J_KiyeogSios Hangul_J_Nieun Hangul_J_NieunJieuj Hangul_J_NieunHieuh
Hangul_J_Dikeud Hangul_J_Rieul Hangul_J_RieulKiyeog Hangul_J_RieulMieum Hangul_J_RieulPieub Hangul_J_RieulSios
Hangul_J_RieulTieut Hangul_J_RieulPhieuf Hangul_J_RieulHieuh Hangul_J_Mieum Hangul_J_Pieub Hangul_J_PieubSios Hangul_J_Sios
Hangul_J_SsangSios Hangul_J_Ieung Hangul_J_Jieuj Hangul_J_Cieuc Hangul_J_Khieuq Hangul_J_Tieut Hangul_J_Phieuf
Hangul_J_Hieuh 11eb: Hangul_J_PanSios 11f0: Hangul_J_KkogjiDalrinIeung 11f9: Hangul_J_YeorinHieuh 1e02: Babovedot babovedot
1e0a: Dabovedot dabovedot 1e1e: Fabovedot fabovedot 1e36: Lbelowdot lbelowdot 1e40: Mabovedot mabovedot 1e56: Pabovedot
pabovedot 1e60: Sabovedot sabovedot 1e6a: Tabovedot tabovedot 1e80: Wgrave wgrave Wacute wacute Wdiaeresis wdiaeresis 1e8a:
Xabovedot xabovedot 1ea0: Abelowdot abelowdot Ahook ahook Acircumflexacute acircumflexacute Acircumflexgrave
acircumflexgrave Acircumflexhook acircumflexhook Acircumflextilde acircumflextilde Acircumflexbelowdot acircumflexbelowdot
Abreveacute abreveacute Abrevegrave abrevegrave Abrevehook abrevehook Abrevetilde abrevetilde Abrevebelowdot abrevebelowdot
Ebelowdot ebelowdot Ehook ehook Etilde etilde Ecircumflexacute ecircumflexacute Ecircumflexgrave ecircumflexgrave
Ecircumflexhook ecircumflexhook Ecircumflextilde ecircumflextilde Ecircumflexbelowdot ecircumflexbelowdot Ihook ihook
Ibelowdot ibelowdot Obelowdot obelowdot Ohook ohook Ocircumflexacute ocircumflexacute Ocircumflexgrave ocircumflexgrave
Ocircumflexhook ocircumflexhook Ocircumflextilde ocircumflextilde Ocircumflexbelowdot ocircumflexbelowdot Ohornacute
ohornacute Ohorngrave ohorngrave Ohornhook ohornhook Ohorntilde ohorntilde Ohornbelowdot ohornbelowdot Ubelowdot ubelowdot
Uhook uhook Uhornacute uhornacute Uhorngrave uhorngrave Uhornhook uhornhook Uhorntilde uhorntilde Uhornbelowdot
uhornbelowdot Ygrave ygrave Ybelowdot ybelowdot Yhook yhook Ytilde ytilde 2002: enspace emspace em3space em4space 2007:
digitspace punctspace thinspace hairspace 2012: figdash endash emdash Greek_horizbar 2017: hebrew_doublelowline
leftsinglequotemark rightsinglequotemark singlelowquotemark 201c: leftdoublequotemark rightdoublequotemark
doublelowquotemark 2020: dagger doubledagger 2025: doubbaselinedot ellipsis 2030: permille 2032: minutes seconds 2038: caret
203e: overline 2070: zerosuperior 2074: foursuperior fivesuperior sixsuperior sevensuperior eightsuperior ninesuperior 2080:
zerosubscript onesubscript twosubscript threesubscript foursubscript fivesubscript sixsubscript sevensubscript
eightsubscript ninesubscript 20a0: EcuSign ColonSign CruzeiroSign FFrancSign LiraSign MillSign NairaSign PesetaSign
RupeeSign WonSign NewSheqelSign DongSign EuroSign 2105: careof 2116: numerosign phonographcopyright 211e: prescription 2122:
trademark 2153: onethird twothirds onefifth twofifths threefifths fourfifths onesixth fivesixths oneeighth threeeighths
fiveeighths seveneighths 2190: leftarrow uparrow rightarrow downarrow 21d2: implies 21d4: ifonlyif 2202: partialderivative
2205: emptyset 2207: nabla elementof notelementof 220b: containsas 2218: jot 221a: radical cuberoot fourthroot variation
infinity 2227: logicaland logicalor intersection union integral dintegral tintegral 2234: therefore because 223c:
approximate 2243: similarequal 2260: notequal identical notidentical stricteq lessthanequal greaterthanequal 2282:
includedin includes 22a2: lefttack righttack uptack downtack 2308: upstile 230a: downstile 2315: telephonerecorder 2320:
topintegral botintegral 2395: quad 239b: topleftparens 239d: botleftparens toprightparens 23a0: botrightparens
topleftsqbracket 23a3: botleftsqbracket toprightsqbracket 23a6: botrightsqbracket 23a8: leftmiddlecurlybrace 23ac:
rightmiddlecurlybrace 23b7: leftradical 23ba: horizlinescan1 horizlinescan3 horizlinescan7 horizlinescan9 2409: ht lf vt ff
cr 2424: nl 2500: horizlinescan5 2502: vertbar 250c: upleftcorner 2510: uprightcorner 2514: lowleftcorner 2518:
lowrightcorner 251c: leftt 2524: rightt 252c: topt 2534: bott 253c: crossinglines 2592: checkerboard 25c6: soliddiamond
25cb: circle 260e: telephone 2640: femalesymbol 2642: malesymbol 2663: club 2665: heart diamond 266d: musicalflat 266f:
musicalsharp 2713: checkmark 2717: ballotcross 271d: latincross 2720: maltesecross 27e8: leftanglebracket rightanglebracket
2800: braille_blank braille_dots_1 braille_dots_2 braille_dots_12 braille_dots_3 braille_dots_13 braille_dots_23
braille_dots_123 braille_dots_4 braille_dots_14 2810: braille_dots_5 braille_dots_15 braille_dots_25 braille_dots_125
braille_dots_35 braille_dots_135 braille_dots_235 braille_dots_1235 braille_dots_45 braille_dots_145 2820: braille_dots_6
braille_dots_16 braille_dots_26 braille_dots_126 braille_dots_36 braille_dots_136 braille_dots_236 braille_dots_1236
braille_dots_46 braille_dots_146 2830: braille_dots_56 braille_dots_156 braille_dots_256 braille_dots_1256 braille_dots_356
braille_dots_1356 braille_dots_2356 braille_dots_12356 braille_dots_456 braille_dots_1456 2840: braille_dots_7
braille_dots_17 braille_dots_27 braille_dots_127 braille_dots_37 braille_dots_137 braille_dots_237 braille_dots_1237
braille_dots_47 braille_dots_147 2850: braille_dots_57 braille_dots_157 braille_dots_257 braille_dots_1257 braille_dots_357
braille_dots_1357 braille_dots_2357 braille_dots_12357 braille_dots_457 braille_dots_1457 2860: braille_dots_67
braille_dots_167 braille_dots_267 braille_dots_1267 braille_dots_367 braille_dots_1367 braille_dots_2367 braille_dots_12367
braille_dots_467 braille_dots_1467 2870: braille_dots_567 braille_dots_1567 braille_dots_2567 braille_dots_12567
braille_dots_3567 braille_dots_13567 braille_dots_23567 braille_dots_123567 braille_dots_4567 braille_dots_14567 2880:
braille_dots_8 braille_dots_18 braille_dots_28 braille_dots_128 braille_dots_38 braille_dots_138 braille_dots_238
braille_dots_1238 braille_dots_48 braille_dots_148 2890: braille_dots_58 braille_dots_158 braille_dots_258 braille_dots_1258
braille_dots_358 braille_dots_1358 braille_dots_2358 braille_dots_12358 braille_dots_458 braille_dots_1458 3001: kana_comma
kana_fullstop 300c: kana_openingbracket kana_closingbracket 3099: dead_voiced_sound dead_semivoiced_sound voicedsound
semivoicedsound 30a1: kana_a kana_A kana_i kana_I kana_u kana_U kana_e kana_E kana_o kana_O kana_KA 30ad: kana_KI 30af:
kana_KU 30b1: kana_KE 30b3: kana_KO 30b5: kana_SA 30b7: kana_SHI 30b9: kana_SU 30bb: kana_SE 30bd: kana_SO 30bf: kana_TA
30c1: kana_CHI 30c3: kana_tsu kana_TSU 30c6: kana_TE 30c8: kana_TO 30ca: kana_NA kana_NI kana_NU kana_NE kana_NO kana_HA
30d2: kana_HI 30d5: kana_FU 30d8: kana_HE 30db: kana_HO 30de: kana_MA kana_MI kana_MU kana_ME kana_MO kana_ya kana_YA
kana_yu kana_YU kana_yo kana_YO kana_RA kana_RI kana_RU kana_RE kana_RO 30ef: kana_WA 30f2: kana_WO kana_N 30fb:
kana_conjunctive prolongedsound 3131: Hangul_Kiyeog Hangul_SsangKiyeog Hangul_KiyeogSios Hangul_Nieun Hangul_NieunJieuj
Hangul_NieunHieuh Hangul_Dikeud Hangul_SsangDikeud Hangul_Rieul Hangul_RieulKiyeog Hangul_RieulMieum Hangul_RieulPieub
Hangul_RieulSios Hangul_RieulTieut Hangul_RieulPhieuf Hangul_RieulHieuh Hangul_Mieum Hangul_Pieub Hangul_SsangPieub
Hangul_PieubSios Hangul_Sios Hangul_SsangSios Hangul_Ieung Hangul_Jieuj Hangul_SsangJieuj Hangul_Cieuc Hangul_Khieuq
Hangul_Tieut Hangul_Phieuf Hangul_Hieuh Hangul_A Hangul_AE Hangul_YA Hangul_YAE Hangul_EO Hangul_E Hangul_YEO Hangul_YE
Hangul_O Hangul_WA Hangul_WAE Hangul_OE Hangul_YO Hangul_U Hangul_WEO Hangul_WE Hangul_WI Hangul_YU Hangul_EU Hangul_YI
Hangul_I 316d: Hangul_RieulYeorinHieuh 3171: Hangul_SunkyeongeumMieum 3178: Hangul_SunkyeongeumPieub 317f: Hangul_PanSios
3181: Hangul_KkogjiDalrinIeung 3184: Hangul_SunkyeongeumPhieuf 3186: Hangul_YeorinHieuh 318d: Hangul_AraeA Hangul_AraeAE
`;

/** Names by code point. */
export const keysymNames: ReadonlyMap<number, string> = readList(LIST);

function readList(list: string): Map<number, string> {
  const names = new Map<number, string>();
  let point = 0;
  for (const word of list.trim().split(/\s+/)) {
    if (word.endsWith(':')) point = Number.parseInt(word, 16);
    else names.set(point++, word);
  }
  return names;
}
