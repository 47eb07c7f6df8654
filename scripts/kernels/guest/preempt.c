/* Tasks that are preempted within the kernel and do not run again: what /proc says of their stacks stays so. */
#define _GNU_SOURCE
#include "guest.h"
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define TASKS 4
/** Both kinds of tasks have this processor, and all others the other one. */
#define PROCESSOR 1
#define SIZE (8 << 20)

static void pin(void) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(PROCESSOR, &one);
    if (sched_setaffinity(0, sizeof one, &one) < 0) fail("a processor of its own");
}

/** In the kernel nearly all the time: it faults in system calls, and one maps and gives back. */
static void victim(int number) {
    prctl(PR_SET_NAME, "preempted");
    pin();
    int zeros = open("/dev/zero", O_RDONLY);
    for (;;) {
        int flags = MAP_PRIVATE | MAP_ANONYMOUS | (number == 0 ? MAP_POPULATE : 0);
        char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, flags, -1, 0);
        if (number > 0) read(zeros, memory, SIZE);
        munmap(memory, SIZE);
    }
}

static void hog(void) {
    struct sched_param above = {.sched_priority = 50};
    prctl(PR_SET_NAME, "hog");
    pin();
    if (sched_setscheduler(0, SCHED_FIFO, &above) < 0) fail("SCHED_FIFO");
    for (;;) continue;
}

static void show(int pid) {
    char path[64], text[8192];
    snprintf(path, sizeof path, "/proc/%d/stack", pid);
    int file = open(path, O_RDONLY);
    ssize_t got = read(file, text, sizeof text - 1);
    text[got > 0 ? got : 0] = 0;
    close(file);
    printf("STACK %d\n%sEND\n", pid, text);
}

int preempt(void) {
    int pids[TASKS];
    for (int at = 0; at < TASKS; at++)
        if ((pids[at] = fork()) == 0) victim(at);
    sleep(2);
    if (fork() == 0) hog();
    sleep(2);
    for (int at = 0; at < TASKS; at++) show(pids[at]);
    return fflush(stdout) == 0 ? 0 : 1;
}
