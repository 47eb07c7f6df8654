/* Processes of many kinds: threads, credentials, signals, timers, IPC, tracing, a terminal, one that has ended. */
#define _GNU_SOURCE
#include "guest.h"
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <mqueue.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define HOUR 3600

static pthread_barrier_t ready;

static void *named_thread(void *name) {
    pthread_setname_np(pthread_self(), name);
    if (!strcmp(name, "in-own-uts") && unshare(CLONE_NEWUTS) < 0) lacking("a thread's own UTS namespace");
    if (!strcmp(name, "other-user") && syscall(SYS_setresuid, 1234, 1234, 1234) < 0) lacking("a thread's own user");
    pthread_barrier_wait(&ready);
    sleep_for_good();
}

static void threads(void) {
    static char *const names[] = {"plain-thread", "in-own-uts", "other-user", "a b(c) d"};
    pthread_barrier_init(&ready, NULL, 5);
    for (int at = 0; at < 4; at++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, named_thread, names[at]) != 0) lacking("a thread");
    }
    pthread_barrier_wait(&ready);
}

/** The first thread is gone, another goes on. */
static void *survivor(void *unused) {
    (void)unused;
    sleep_for_good();
}

static void leaderless(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, survivor, NULL);
    if (write(200, "", 1) != 1) fail("telling that all is set up");
    syscall(SYS_exit, 0);
}

static void credentials(void) {
    gid_t groups[] = {7, 42, 1000, 100000};
    if (setgroups(4, groups) < 0) lacking("groups");
    prctl(PR_SET_KEEPCAPS, 1);
    if (setresgid(100, 101, 102) < 0 || setresuid(1000, 1001, 1002) < 0) lacking("users");
}

static void filtered(void) {
    struct sock_filter allow[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog program = {1, allow};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) lacking("seccomp");
}

static void on_signal(int signal) { (void)signal; }

static void signals(void) {
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigaddset(&blocked, SIGRTMIN + 3);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    struct sigaction act = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaddset(&act.sa_mask, SIGHUP);
    sigaction(SIGUSR2, &act, NULL);
    signal(SIGPIPE, SIG_IGN);
    kill(getpid(), SIGUSR1);
    sigqueue(getpid(), SIGRTMIN + 3, (union sigval){.sival_int = 77});
    sigqueue(getpid(), SIGRTMIN + 3, (union sigval){.sival_int = 78});
}

static void timers(void) {
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 1};
    struct itimerspec when = {.it_value = {HOUR, 0}, .it_interval = {5, 500}};
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) < 0 || timer_settime(timer, 0, &when, NULL) < 0) lacking("a timer");
    event.sigev_notify = SIGEV_NONE;
    if (timer_create(CLOCK_REALTIME, &event, &timer) < 0) lacking("a timer");
    struct itimerval real = {.it_value = {2 * HOUR, 0}};
    setitimer(ITIMER_REAL, &real, NULL);
}

static void ipc(void) {
    int memory = shmget(0x51a7, 8192, IPC_CREAT | 0640), queue = msgget(0x51a8, IPC_CREAT | 0600);
    int semaphores = semget(0x51a9, 5, IPC_CREAT | 0660), hidden = shmget(IPC_PRIVATE, 4096, 0600);
    if (memory < 0 || queue < 0 || semaphores < 0) return lacking("System V IPC");
    shmat(memory, NULL, 0);
    shmat(hidden, NULL, SHM_RDONLY);
    shmctl(hidden, IPC_RMID, NULL);
    struct { long type; char text[12]; } message = {3, "in a queue"};
    msgsnd(queue, &message, sizeof message.text, 0);
    struct mq_attr limits = {.mq_maxmsg = 4, .mq_msgsize = 64};
    mqd_t posix = mq_open("/waiting", O_CREAT | O_RDWR, 0622, &limits);
    if (posix < 0 || mq_send(posix, "waits here", 10, 5) < 0) lacking("a POSIX queue");
}

static void nothing(void) {}

static void tracer(void) {
    int pid = start("traced", nothing);
    if (ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACEEXIT) < 0) lacking("ptrace");
}

static void zombie(void) {
    if (fork() == 0) {
        prctl(PR_SET_NAME, "ended");
        _exit(3);
    }
    usleep(200 * 1000);
}

static void terminal(void) {
    int side = posix_openpt(O_RDWR | O_NOCTTY), number = 0, unlock = 0;
    char path[32];
    if (side < 0 || ioctl(side, TIOCSPTLCK, &unlock) < 0 || ioctl(side, TIOCGPTN, &number) < 0) return lacking("a terminal");
    snprintf(path, sizeof path, "/dev/pts/%d", number);
    int ready[2];
    if (pipe(ready) < 0) fail("pipe");
    if (fork() == 0) {
        prctl(PR_SET_NAME, "in-terminal");
        setsid();
        int other = open(path, O_RDWR);
        if (other < 0 || ioctl(other, TIOCSCTTY, 0) < 0) lacking("a controlling terminal");
        close(200);
        close(ready[0]);
        close(ready[1]);
        sleep_for_good();
    }
    close(ready[1]);
    char byte;
    if (read(ready[0], &byte, 1) != 0) lacking("a child in a terminal");
    close(ready[0]);
    if (write(side, "typed\n", 6) != 6) lacking("typing");
}

static void scheduled(void) {
    struct sched_param most = {.sched_priority = 10};
    if (sched_setscheduler(0, SCHED_FIFO, &most) < 0) lacking("SCHED_FIFO");
    if (syscall(SYS_keyctl, 1 /* join a session keyring */, "own-session") < 0) lacking("a session keyring");
    if (syscall(SYS_add_key, "user", "a-key", "its payload", 11, -3) < 0) lacking("a key");
}

/** Arguments and environment of all shapes, and a name that /proc escapes. */
static void renamed(void) {
    if (fork() == 0) {
        close(200);
        char *words[] = {"odd name", "", "two words", "tab\there", "\xff\xfe", "end", NULL};
        char *variables[] = {"PLAIN=1", "EMPTY=", "TWO=a=b", "NOT A VARIABLE", "UTF=\xc3\xa4", NULL};
        execve("/bin/sleeper", words, variables);
        fail("exec");
    }
    prctl(PR_SET_NAME, "new\nline\\");
    usleep(300 * 1000);
}

void start_processes(void) {
    start("threads", threads);
    start("leaderless", leaderless);
    start("credentials", credentials);
    start("filtered", filtered);
    start("signals", signals);
    start("timers", timers);
    start("ipc", ipc);
    start("tracer", tracer);
    start("zombie-parent", zombie);
    start("terminal", terminal);
    start("scheduled", scheduled);
    start("renamed", renamed);
}
