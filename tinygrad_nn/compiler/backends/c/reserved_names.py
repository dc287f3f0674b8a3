"""What C and C++ mean by a name already: a keyword, a macro, a type, or a function of their libraries.

A name of a user's that stands in a C file must be none of them, or the file would not build with one compiler or
another; and a function that is linked must not take the place of one that the C library itself calls. The lists are
those of C99 to C23, C++11 to C++23, POSIX and the GNU library, names of one kind by a pattern.
"""

from __future__ import annotations

import re

_KEYWORDS = """
auto break case char const continue default do double else enum extern float for goto if inline int long register
restrict return short signed sizeof static struct switch typedef union unsigned void volatile while alignas alignof and
and_eq asm bitand bitor bool catch class co_await co_return co_yield compl concept const_cast consteval constexpr
constinit decltype delete dynamic_cast explicit export false friend mutable namespace new noexcept not not_eq nullptr
operator or or_eq private protected public reinterpret_cast requires static_assert static_cast template this
thread_local throw true try typeid typename typeof typeof_unqual using virtual wchar_t char8_t char16_t char32_t xor
xor_eq
"""
_MACROS = """
P_tmpdir alloca assert be16toh be32toh be64toh complex errno fpclassify hppa htobe16 htobe32 htobe64 htole16 htole32
htole64 i386 imaginary iscanonical iseqsig isfinite isgreater isgreaterequal isless islessequal islessgreater isnormal
issignaling issubnormal isunordered iszero kill_dependency le16toh le32toh le64toh linux m68k math_errhandling mips
noreturn offsetof signbit sparc stderr stdin stdout sun unix va_arg va_copy va_end va_start vax BIG_ENDIAN BUFSIZ
BYTE_ORDER CMPLX CMPLXF CMPLXL DECIMAL_DIG DOMAIN E2BIG EACCES EADDRINUSE EADDRNOTAVAIL EADV EAFNOSUPPORT EAGAIN
EALREADY EBADE EBADF EBADFD EBADMSG EBADR EBADRQC EBADSLT EBFONT EBUSY ECANCELED ECHILD ECHRNG ECOMM ECONNABORTED
ECONNREFUSED ECONNRESET EDEADLK EDEADLOCK EDESTADDRREQ EDOM EDOTDOT EDQUOT EEXIST EFAULT EFBIG EHOSTDOWN EHOSTUNREACH
EHWPOISON EIDRM EILSEQ EINPROGRESS EINTR EINVAL EIO EISCONN EISDIR EISNAM EKEYEXPIRED EKEYREJECTED EKEYREVOKED EL2HLT
EL2NSYNC EL3HLT EL3RST ELIBACC ELIBBAD ELIBEXEC ELIBMAX ELIBSCN ELNRNG ELOOP EMEDIUMTYPE EMFILE EMLINK EMSGSIZE
EMULTIHOP ENAMETOOLONG ENAVAIL ENETDOWN ENETRESET ENETUNREACH ENFILE ENOANO ENOBUFS ENOCSI ENODATA ENODEV ENOENT
ENOEXEC ENOKEY ENOLCK ENOLINK ENOMEDIUM ENOMEM ENOMSG ENONET ENOPKG ENOPROTOOPT ENOSPC ENOSR ENOSTR ENOSYS ENOTBLK
ENOTCONN ENOTDIR ENOTEMPTY ENOTNAM ENOTRECOVERABLE ENOTSOCK ENOTSUP ENOTTY ENOTUNIQ ENXIO EOF EOPNOTSUPP EOVERFLOW
EOWNERDEAD EPERM EPFNOSUPPORT EPIPE EPROTO EPROTONOSUPPORT EPROTOTYPE ERANGE EREMCHG EREMOTE EREMOTEIO ERESTART ERFKILL
EROFS ESHUTDOWN ESOCKTNOSUPPORT ESPIPE ESRCH ESRMNT ESTALE ESTRPIPE ETIME ETIMEDOUT ETOOMANYREFS ETXTBSY EUCLEAN
EUNATCH EUSERS EWOULDBLOCK EXDEV EXFULL FD_CLR FD_ISSET FD_SET FD_SETSIZE FD_ZERO FILENAME_MAX FOPEN_MAX HUGE HUGE_VAL
HUGE_VALF HUGE_VALL I INFINITY LITTLE_ENDIAN L_ctermid L_cuserid L_tmpnam MAXFLOAT NAN NFDBITS NULL ONCE_FLAG_INIT
OVERFLOW PDP_ENDIAN PLOSS RAND_MAX RENAME_EXCHANGE RENAME_NOREPLACE RENAME_WHITEOUT SIGABRT SIGALRM SIGBUS SIGCHLD
SIGCLD SIGCONT SIGFPE SIGHUP SIGILL SIGINT SIGIO SIGIOT SIGKILL SIGPIPE SIGPOLL SIGPROF SIGPWR SIGQUIT SIGRTMAX
SIGRTMIN SIGSEGV SIGSTKFLT SIGSTOP SIGSYS SIGTERM SIGTRAP SIGTSTP SIGTTIN SIGTTOU SIGURG SIGUSR1 SIGUSR2 SIGVTALRM
SIGWINCH SIGXCPU SIGXFSZ SING SNAN SNANF SNANL TLOSS TMP_MAX TSS_DTOR_ITERATIONS UNDERFLOW WCONTINUED WEOF WEXITED
WEXITSTATUS WIFCONTINUED WIFEXITED WIFSIGNALED WIFSTOPPED WNOHANG WNOWAIT WSTOPPED WSTOPSIG WTERMSIG WUNTRACED X_TLOSS
"""
_MACRO = (
    r"(M|FP|FE|FLT\d*X?|DBL\d*X?|LDBL|DEC\d+X?|LC|SEEK|TIME|ATOMIC|MATH|EXIT|HUGE_VAL|SNAN|SIG|MB|CLOCKS|BOOL)_[A-Z\d]\w*"
    r"|(CHAR|U?SHRT|U?INT|U?LLONG|U?LONG|[SU]CHAR|WCHAR|WINT|S?SIZE|PTRDIFF|U?INT(MAX|PTR)|U?INT(_FAST|_LEAST)?\d+)"
    r"_(MIN|MAX|BIT|C|WIDTH)|SNANF(32|64|128)X?|(PRI|SCN)[diouxX]((LEAST|FAST)?\d+|MAX|PTR)"
)
_TYPES = """
ACTION DIR Dl_info Dl_serinfo Dl_serpath ENTRY FILE Lmid_t VISIT active_reg_t blkcnt_t blksize_t caddr_t cc_t clock_t
clockid_t comparison_fn_t cookie_close_function_t cookie_io_functions_t cookie_read_function_t cookie_seek_function_t
cookie_write_function_t cpu_set_t daddr_t dev_t div_t double_t error_t fd_mask fd_set femode_t fenv_t fexcept_t float_t
fpos_t fpregset_t fsblkcnt_t fsfilcnt_t fsid_t gid_t glob_t greg_t gregset_t iconv_t id_t idtype_t imaxdiv_t in_addr_t
in_port_t ino_t jmp_buf key_t ldiv_t lldiv_t locale_t loff_t max_align_t mbstate_t mcontext_t memory_order mode_t mqd_t
msglen_t msgqnum_t nfds_t nl_catd nl_item nlink_t off_t once_flag pid_t ptrdiff_t quad_t reg_errcode_t reg_syntax_t
regex_t register_t regmatch_t regoff_t rlim_t s_reg_t sa_family_t shmatt_t sig_atomic_t sig_t sigevent_t sighandler_t
siginfo_t sigjmp_buf sigset_t sigval_t size_t socklen_t speed_t ssize_t stack_t suseconds_t tcflag_t tcp_seq time_t
u_char u_int u_long u_quad_t u_short ucontext_t uid_t uint ulong useconds_t ushort va_list wctrans_t wctype_t wint_t
wordexp_t
"""
_TYPE = (
    r"u_?int\d*_t|u?int(_fast|_least)?\d+_t|u?int(max|ptr)_t|\w+64_t|atomic_\w+"
    r"|(pthread|cookie|sem|mtx|cnd|thrd|tss)_(\w+_)?t"
)
_MATHEMATICS = """
acos acosh acospi asin asinh asinpi atan atan2 atan2pi atanh atanpi cabs cacos cacosh canonicalize carg casin casinh
catan catanh cbrt ccos ccosh ceil cexp cimag clog clog10 compoundn conj copysign cos cosh cospi cpow cproj creal csin
csinh csqrt ctan ctanh dadd ddiv dfma dmul drem dsqrt dsub erf erfc exp exp10 exp10m1 exp2 exp2m1 expm1 fabs fadd fdim
fdiv feclearexcept fedisableexcept feenableexcept fegetenv fegetexcept fegetexceptflag fegetmode fegetround
feholdexcept feraiseexcept fesetenv fesetexcept fesetexceptflag fesetmode fesetround fetestexcept fetestexceptflag
feupdateenv ffma finite floor fma fmax fmaximum fmaximum_mag fmaximum_mag_num fmaximum_num fmaxmag fmin fminimum
fminimum_mag fminimum_mag_num fminimum_num fminmag fmod fmul frexp fromfp fromfpx fsqrt fsub gamma getpayload hypot
ilogb isinf isnan j0 j1 jn ldexp lgamma llogb llrint llround log log10 log10p1 log1p log2 log2p1 logb logp1 lrint
lround modf nan nearbyint nextafter nextdown nexttoward nextup pow pow10 pown powr remainder remquo rint rootn round
roundeven rsqrt scalb scalbln scalbn setpayload setpayloadsig signgam significand sin sincos sinh sinpi sqrt tan tanh
tanpi tgamma totalorder totalordermag trunc ufromfp ufromfpx y0 y1 yn
"""
_KINDS = r"(f|l|[fd](16|32|64|128)x?)?(_r)?"  # of numbers, at the end of the names of mathematics
_NARROWING = r"f\d+x?(add|sub|mul|div|sqrt|fma)f\d+x?"
_SPECIAL = """
assoc_laguerre assoc_legendre beta comp_ellint_1 comp_ellint_2 comp_ellint_3 cyl_bessel_i cyl_bessel_j cyl_bessel_k
cyl_neumann ellint_1 ellint_2 ellint_3 expint hermite laguerre legendre riemann_zeta sph_bessel sph_legendre
sph_neumann
"""
_LIBRARY = """
a64l abort abs accept accept4 access acct addmntent addseverity adjtime adjtimex alarm aligned_alloc alphasort
arc4random arc4random_buf arc4random_uniform arch_prctl asctime asprintf at_quick_exit atexit atof atoi atol atoll
backtrace backtrace_symbols backtrace_symbols_fd basename bcmp bcopy bind bind_textdomain_codeset bindresvport
bindresvport6 bindtextdomain brk bsd_signal bsearch btowc bzero c16rtomb c32rtomb c8rtomb call_once calloc
canonicalize_file_name capget capset catclose catgets catopen cfgetispeed cfgetospeed cfmakeraw cfsetispeed cfsetospeed
cfsetspeed chdir chflags chmod chown chroot clearenv clearerr clock clock_adjtime clock_getcpuclockid clock_getres
clock_gettime clock_nanosleep clock_settime clone close close_range closedir closefrom closelog confstr connect
copy_file_range creat crypt ctermid ctime cuserid daemon daylight dcgettext dcngettext delete_module dgettext difftime
dirfd dirname div dl_iterate_phdr dladdr dladdr1 dlclose dlerror dlinfo dlmopen dlopen dlsym dlvsym dn_comp dn_expand
dn_skipname dngettext dprintf drand48 dup dup2 dup3 duplocale dysize eaccess ecvt encrypt endaliasent endfsent endgrent
endhostent endmntent endnetent endnetgrent endprotoent endpwent endrpcent endservent endsgent endspent endttyent
endusershell endutent endutxent environ erand48 err error error_at_line error_message_count error_one_per_line
error_print_progname errx euidaccess eventfd eventfd_read eventfd_write execl execle execlp execv execve execveat
execvp execvpe exit explicit_bzero faccessat fallocate fchdir fchflags fchmod fchmodat fchown fchownat fclose fcloseall
fcntl fcvt fdatasync fdopen fdopendir feof ferror fexecve fflush ffs ffsl ffsll fgetc fgetgrent fgetpos fgetpwent fgets
fgetsgent fgetspent fgetwc fgetws fgetxattr fileno flistxattr flock flockfile fmemopen fmtmsg fnmatch fopen fopencookie
fork forkpty fpathconf fprintf fputc fputs fputwc fputws fread free free_aligned_sized free_sized freeaddrinfo
freeifaddrs freelocale fremovexattr freopen fscanf fsconfig fseek fseeko fsetpos fsetxattr fsmount fsopen fspick fstat
fstatat fstatfs fstatvfs fsync ftell ftello ftime ftok ftruncate ftrylockfile fts64_children fts64_close fts64_open
fts64_read fts64_set fts_children fts_close fts_open fts_read fts_set ftw funlockfile futimens futimes futimesat fwide
fwprintf fwrite fwscanf gai_cancel gai_error gai_strerror gai_suspend gcvt get_avphys_pages get_current_dir_name
get_nprocs get_nprocs_conf get_phys_pages getaddrinfo getaddrinfo_a getaliasbyname getaliasent getauxval getc getchar
getcontext getcpu getcwd getdate getdate_err getdelim getdents64 getdirentries getdomainname getdtablesize getegid
getentropy getenv geteuid getfsent getfsfile getfsspec getgid getgrent getgrgid getgrnam getgrouplist getgroups
gethostbyaddr gethostbyname gethostbyname2 gethostent gethostid gethostname getifaddrs getipv4sourcefilter getitimer
getline getloadavg getlogin getmntent getnameinfo getnetbyaddr getnetbyname getnetent getnetgrent getopt getopt_long
getopt_long_only getpagesize getpass getpeername getpgid getpgrp getpid getppid getpriority getprotobyname
getprotobynumber getprotoent getpt getpw getpwent getpwnam getpwuid getrandom getresgid getresuid getrlimit
getrpcbyname getrpcbynumber getrpcent getrusage gets getservbyname getservbyport getservent getsgent getsgnam getsid
getsockname getsockopt getsourcefilter getspent getspnam getsubopt gettext gettid gettimeofday getttyent getttynam
getuid getumask getusershell getutent getutid getutline getutmp getutmpx getutxent getutxid getutxline getw getwc
getwchar getwd getxattr glob glob_pattern_p globfree gmtime gnu_dev_major gnu_dev_makedev gnu_dev_minor
gnu_get_libc_release gnu_get_libc_version grantpt group_member gsignal gtty h_errlist h_nerr hasmntopt hcreate hdestroy
herror hsearch hstrerror htonl htons iconv iconv_close iconv_open if_freenameindex if_indextoname if_nameindex
if_nametoindex imaxabs imaxdiv in6addr_any in6addr_loopback index init_module initgroups initstate innetgr insque ioctl
ioperm iopl iruserok iruserok_af isalnum isalpha isascii isatty isblank iscntrl isctype isdigit isfdtype isgraph
islower isprint ispunct isspace isupper iswalnum iswalpha iswblank iswcntrl iswctype iswdigit iswgraph iswlower
iswprint iswpunct iswspace iswupper iswxdigit isxdigit jrand48 kill killpg klogctl l64a labs lchmod lchown lckpwdf
lcong48 ldiv lfind lgetxattr link linkat listen listxattr llabs lldiv llistxattr localeconv localtime lockf login
login_tty logout logwtmp longjmp lrand48 lremovexattr lsearch lseek lsetxattr lstat lutimes madvise makecontext
mallinfo mallinfo2 malloc malloc_info malloc_stats malloc_trim malloc_usable_size mallopt mblen mbrlen mbrtoc16
mbrtoc32 mbrtoc8 mbrtowc mbsinit mbsnrtowcs mbsrtowcs mbstowcs mbtowc mcheck mcheck_check_all mcheck_pedantic mcount
memalign memalignment memccpy memchr memcmp memcpy memfd_create memfrob memmem memmove mempcpy memrchr memset
memset_explicit mincore mkdir mkdirat mkdtemp mkfifo mkfifoat mknod mknodat mkostemp mkostemps mkstemp mkstemps mktemp
mktime mlock mlock2 mlockall mmap modify_ldt moncontrol monstartup mount mount_setattr move_mount mprobe mprotect
mrand48 mremap msgctl msgget msgrcv msgsnd msync mtrace munlock munlockall munmap muntrace name_to_handle_at nanosleep
newlocale nftw ngettext nice nl_langinfo nrand48 ns_name_compress ns_name_ntop ns_name_pack ns_name_pton ns_name_skip
ns_name_uncompress ns_name_unpack ntohl ntohs ntp_adjtime ntp_gettime ntp_gettimex on_exit open open_by_handle_at
open_memstream open_tree open_wmemstream openat opendir openlog openpty optarg opterr optind optopt parse_printf_format
pathconf pause pclose perror personality pipe pipe2 pivot_root poll popen ppoll prctl pread preadv preadv2 preadv64v2
printf printf_size printf_size_info prlimit process_madvise process_mrelease process_vm_readv process_vm_writev profil
program_invocation_name program_invocation_short_name pselect psiginfo psignal ptrace ptsname putc putchar putenv
putgrent putpwent puts putsgent putspent pututline pututxline putw putwc putwchar pvalloc pwrite pwritev pwritev2
pwritev64v2 qecvt qfcvt qgcvt qsort quick_exit quotactl raise rand random rawmemchr rcmd rcmd_af re_comp
re_compile_fastmap re_compile_pattern re_exec re_match re_match_2 re_max_failures re_search re_search_2
re_set_registers re_set_syntax re_syntax_options read readahead readdir readlink readlinkat readv realloc reallocarray
realpath reboot recv recvfrom recvmmsg recvmsg regcomp regerror regexec regfree register_printf_function
register_printf_modifier register_printf_specifier register_printf_type remap_file_pages remove removexattr remque
rename renameat renameat2 res_dnok res_hnok res_mailok res_mkquery res_nmkquery res_nquery res_nquerydomain res_nsearch
res_nsend res_ownok res_query res_querydomain res_search res_send revoke rewind rewinddir rexec rexec_af rexecoptions
rindex rmdir rpmatch rresvport rresvport_af ruserok ruserok_af ruserpass sbrk scandir scandirat scanf secure_getenv
seed48 seekdir select semctl semget semop semtimedop send sendfile sendmmsg sendmsg sendto setaliasent setbuf setbuffer
setcontext setdomainname setegid setenv seteuid setfsent setfsgid setfsuid setgid setgrent setgroups sethostent
sethostid sethostname setipv4sourcefilter setitimer setjmp setkey setlinebuf setlocale setlogin setlogmask setmntent
setnetent setnetgrent setns setpgid setpgrp setpriority setprotoent setpwent setregid setresgid setresuid setreuid
setrlimit setrpcent setservent setsgent setsid setsockopt setsourcefilter setspent setstate settimeofday setttyent
setuid setusershell setutent setutxent setvbuf setxattr sgetsgent sgetspent shmat shmctl shmdt shmget shutdown
sigabbrev_np sigaction sigaddset sigaltstack sigandset sigblock sigdelset sigdescr_np sigemptyset sigfillset siggetmask
sighold sigignore siginterrupt sigisemptyset sigismember siglongjmp signal signalfd sigorset sigpause sigpending
sigprocmask sigqueue sigrelse sigreturn sigset sigsetmask sigstack sigsuspend sigtimedwait sigwait sigwaitinfo sleep
snprintf sockatmark socket socketpair splice sprintf sprofil srand srand48 srandom sscanf ssignal stat statfs statvfs
statx stdc_count_ones stpcpy stpncpy strcasecmp strcasestr strcat strchr strchrnul strcmp strcoll strcpy strcspn strdup
strerror strerrordesc_np strerrorname_np strfmon strfromd strfromf strfromf128 strfromf32 strfromf32x strfromf64x
strfroml strfry strftime strlcat strlcpy strlen strncasecmp strncat strncmp strncpy strndup strnlen strpbrk strptime
strrchr strsep strsignal strspn strstr strtod strtof strtof128 strtof32 strtof32x strtof64x strtoimax strtok strtok_s
strtol strtold strtoll strtoq strtoul strtoull strtoumax strtouq strverscmp strxfrm stty swab swapcontext swapoff
swapon swprintf swscanf symlink symlinkat sync sync_file_range syncfs syscall sysconf sysinfo syslog system sysv_signal
tcdrain tcflow tcflush tcgetattr tcgetpgrp tcgetsid tcsendbreak tcsetattr tcsetpgrp tdelete tdestroy tee telldir
tempnam textdomain tfind tgkill time timegm timelocal times timespec_get timespec_getres timezone tmpfile tmpnam
toascii tolower toupper towctrans towlower towupper truncate tsearch ttyname ttyslot twalk tzname tzset ualarm ulckpwdf
ulimit umask umount umount2 uname ungetc ungetwc unlink unlinkat unlockpt unsetenv unshare updwtmp updwtmpx uselocale
usleep utime utimensat utimes utmpname utmpxname valloc vasprintf vdprintf verr verrx versionsort vfork vfprintf
vfscanf vfwprintf vfwscanf vhangup vlimit vmsplice vprintf vscanf vsnprintf vsprintf vsscanf vswprintf vswscanf vsyslog
vwarn vwarnx vwprintf vwscanf wait wait3 wait4 waitid waitpid warn warnx wcpcpy wcpncpy wcrtomb wcscasecmp wcscat
wcschr wcschrnul wcscmp wcscoll wcscpy wcscspn wcsdup wcsftime wcslcat wcslcpy wcslen wcsncasecmp wcsncat wcsncmp
wcsncpy wcsnlen wcsnrtombs wcspbrk wcsrchr wcsrtombs wcsspn wcsstr wcstod wcstof wcstof128 wcstof32 wcstof32x wcstof64x
wcstoimax wcstok wcstol wcstold wcstoll wcstombs wcstoq wcstoul wcstoull wcstoumax wcstouq wcswcs wcswidth wcsxfrm
wctob wctomb wctrans wctype wcwidth wmemchr wmemcmp wmemcpy wmemmove wmempcpy wmemset wordexp wordfree wprintf write
writev wscanf
"""
_FAMILY = (
    r"(aio|arg[pz]|atomic|cnd|clnt\w*|envz|epoll|ether|fanotify|inet6?|inotify|lio|mq|mtx|obstack|pidfd|pkey|posix|pthread"
    r"|sched|sem|shm|svc\w*|thrd|timer|timerfd|tss|xdr\w*|xprt)_\w+"
)
_OTHERS = {
    "main": "where a program begins",
    "std": "the namespace of C++'s library",
    "real": "what these files call a number",
}

KEYWORDS = frozenset(_KEYWORDS.split())
_macros, _types, _library = (frozenset(text.split()) for text in (_MACROS, _TYPES, _LIBRARY))
_macro, _type, _family = (re.compile(pattern) for pattern in (_MACRO, _TYPE, _FAMILY))
_mathematics = re.compile(f"({'|'.join(_MATHEMATICS.split())}){_KINDS}|{_NARROWING}")
_special = re.compile(f"({'|'.join(_SPECIAL.split())})[fl]?")
_library_function = re.compile(r"(\w+?)(64)?(_r|_l|_unlocked|_np)?")


def meaning(name: str) -> str:
    """What a name means anywhere in a C file that includes <math.h> and <stdio.h>, in words; "" if nothing."""
    if name in KEYWORDS:
        return "a keyword of C or C++"
    if name in _macros or _macro.fullmatch(name):
        return "a macro of C's library"
    if name in _types or _type.fullmatch(name):
        return "a type of C's library"
    return "a function of C's library" if _mathematics.fullmatch(name) else ""


def meaning_when_linked(name: str) -> str:
    """What a name means to a program that has the file and C's whole library in it, in words; "" if nothing."""
    if name in _OTHERS:
        return _OTHERS[name]
    if _special.fullmatch(name):
        return "a function of C++'s library"
    part = _library_function.fullmatch(name)
    in_library = name in _library or _family.fullmatch(name) or (part and part[1] in _library)
    return meaning(name) or ("a function of C's library" if in_library else "")
