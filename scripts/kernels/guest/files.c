/* Open files and mappings of every kind. */
#define _GNU_SOURCE
#include "guest.h"
#include <fcntl.h>
#include <linux/io_uring.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define PAGES(n) ((n) * (size_t)sysconf(_SC_PAGESIZE))

static int with_text(const char *path, const char *text, int flags) {
    int file = open(path, O_CREAT | O_RDWR | flags, 0640);
    if (file < 0 || write(file, text, strlen(text)) < 0) lacking(path);
    return file;
}

static void files(void) {
    mkdir("/run/work", 0750);
    int plain = with_text("/run/work/plain", "0123456789", 0);
    lseek(plain, 4, SEEK_SET);
    dup(plain);
    with_text("/run/work/appended", "so far", O_APPEND | O_CLOEXEC);
    with_text("/run/work/removed", "gone from its folder", 0);
    unlink("/run/work/removed");
    with_text("/run/work/two words\nand lines", "odd", 0);
    with_text("/run/work/first-name", "renamed", 0);
    rename("/run/work/first-name", "/run/work/second-name");
    link("/run/work/second-name", "/run/work/third-name");
    open("/run/work", O_RDONLY | O_DIRECTORY);
    open("/run/work/plain", O_PATH);
    mkdir("/run/work/left", 0700);
    open("/run/work/left", O_RDONLY);
    rmdir("/run/work/left");
    open("/dev/null", O_RDWR);
    open("/dev/zero", O_RDONLY);
    open("/proc/self/status", O_RDONLY);
    open("/proc/self/ns/net", O_RDONLY);
    open("/sys/kernel/uevent_seqnum", O_RDONLY);
    open("/etc/passwd", O_RDONLY);
}

static void descriptors(void) {
    int ends[2];
    if (pipe(ends) < 0 || write(ends[1], "in a pipe", 9) != 9) lacking("a pipe");
    mkdir("/run/work", 0750);
    mkfifo("/run/work/fifo", 0600);
    open("/run/work/fifo", O_RDWR | O_NONBLOCK);
    int event = eventfd(7, EFD_NONBLOCK), epoll = epoll_create1(0);
    struct epoll_event want = {.events = EPOLLIN, .data.u64 = 5};
    epoll_ctl(epoll, EPOLL_CTL_ADD, event, &want);
    int watch = inotify_init1(0);
    inotify_add_watch(watch, "/run/work", IN_CREATE | IN_DELETE);
    inotify_add_watch(watch, "/etc/passwd", IN_MODIFY);
    struct itimerspec hour = {.it_value = {3600, 0}};
    timerfd_settime(timerfd_create(CLOCK_MONOTONIC, 0), 0, &hour, NULL);
    timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGHUP);
    signalfd(-1, &signals, 0);
    if (syscall(SYS_pidfd_open, getppid(), 0) < 0) lacking("a pidfd");
    int memory = memfd_create("in memory", MFD_ALLOW_SEALING);
    if (memory < 0 || ftruncate(memory, PAGES(3)) < 0) lacking("a memfd");
    struct io_uring_params ring = {0};
    if (syscall(SYS_io_uring_setup, 8, &ring) < 0) lacking("io_uring");
    int heard = fanotify_init(FAN_CLASS_NOTIF, O_RDONLY);
    if (heard < 0 || fanotify_mark(heard, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "/etc/passwd") < 0) lacking("fanotify");
    if (syscall(SYS_userfaultfd, O_CLOEXEC) < 0) lacking("userfaultfd");
}

static void locks(void) {
    mkdir("/run/work", 0750);
    int whole = with_text("/run/work/flocked", "x", 0), part = with_text("/run/work/locked", "0123456789", 0);
    flock(whole, LOCK_EX);
    struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 2, .l_len = 4};
    fcntl(part, F_SETLK, &range);
    struct flock own = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 8};
    fcntl(part, F_OFD_SETLK, &own);
    int leased = open("/run/work/leased", O_CREAT | O_RDONLY, 0600);
    fcntl(leased, F_SETLEASE, F_RDLCK);
}

static void waits_for_lock(void) {
    int part = open("/run/work/locked", O_RDWR);
    struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 3, .l_len = 1};
    if (write(200, "", 1) != 1) fail("telling that all is set up");
    fcntl(part, F_SETLKW, &range);
}

static void mappings(void) {
    mkdir("/run/work", 0750);
    char *any = mmap(NULL, PAGES(16), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(any, 'a', PAGES(4));
    mprotect(any + PAGES(2), PAGES(2), PROT_READ | PROT_WRITE | PROT_EXEC);
    mprotect(any + PAGES(6), PAGES(1), PROT_NONE);
    mprotect(any + PAGES(9), PAGES(1), PROT_READ);
    if (prctl(0x53564d41 /* PR_SET_VMA */, 0, any + PAGES(12), PAGES(2), "a name") < 0) lacking("names of mappings");
    char *shared = mmap(NULL, PAGES(2), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    memset(shared, 's', PAGES(1));
    int file = with_text("/run/work/mapped", "", 0), removed = with_text("/run/work/mapped-removed", "", 0);
    if (ftruncate(file, PAGES(8)) < 0 || ftruncate(removed, PAGES(2)) < 0) lacking("files to map");
    mmap(NULL, PAGES(2), PROT_READ, MAP_PRIVATE, file, PAGES(3));
    mmap(NULL, PAGES(3), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    mmap(NULL, PAGES(2), PROT_READ | PROT_EXEC, MAP_PRIVATE, removed, 0);
    unlink("/run/work/mapped-removed");
    int memory = memfd_create("code", 0);
    if (ftruncate(memory, PAGES(1)) < 0) lacking("a memfd to map");
    mmap(NULL, PAGES(1), PROT_READ | PROT_EXEC, MAP_SHARED, memory, 0);
    mlock(any, PAGES(1));
    mmap(NULL, PAGES(1), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0);
}

static void elsewhere(void) {
    mkdir("/run/work", 0750);
    mkdir("/run/work/here", 0700);
    if (chdir("/run/work/here") < 0) lacking("another folder");
}

void start_files(void) {
    start("files", files);
    start("descriptors", descriptors);
    start("locks", locks);
    start("waits-for-lock", waits_for_lock);
    start("mappings", mappings);
    start("elsewhere", elsewhere);
}
