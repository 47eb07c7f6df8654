/* The guest's one static program: `guest work`, `guest boxes`, `guest network`, `guest record`, `guest churn`, `guest preempt`. */
#define _GNU_SOURCE
#include "guest.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

void fail(const char *what) {
    fprintf(stderr, "guest: %s: %s\n", what, strerror(errno));
    exit(1);
}

void lacking(const char *what) {
    fprintf(stderr, "guest: without %s: %s\n", what, strerror(errno));
}

void sleep_for_good(void) {
    for (;;) pause();
}

int start(const char *name, void (*work)(void)) {
    int ready[2];
    if (pipe(ready) < 0) fail("pipe");
    int pid = fork();
    if (pid < 0) fail("fork");
    if (pid == 0) {
        close(ready[0]);
        prctl(PR_SET_NAME, name);
        /* The pipe lies beyond the descriptors that works open, and is closed when the work is done. */
        int told = dup2(ready[1], 200);
        close(ready[1]);
        work();
        if (write(told, "", 1) != 1) fail("telling that all is set up");
        close(told);
        sleep_for_good();
    }
    close(ready[1]);
    char byte;
    if (read(ready[0], &byte, 1) != 1) fprintf(stderr, "guest: %s did not get ready\n", name);
    close(ready[0]);
    return pid;
}

static void everything(void) {
    start_processes();
    start_files();
    start_sockets();
}

int main(int count, char **words) {
    const char *what = count > 1 ? words[1] : "";
    if (!strcmp(what, "work")) return start("keeper", everything) > 0 ? 0 : 1;
    if (!strcmp(what, "boxes")) return start("runtime", start_boxes) > 0 ? 0 : 1;
    if (!strcmp(what, "network")) return network();
    if (!strcmp(what, "record")) return record();
    if (!strcmp(what, "churn")) return churn();
    if (!strcmp(what, "preempt")) return preempt();
    if (!strcmp(what, "sleep")) sleep_for_good();
    fprintf(stderr, "usage: guest work|boxes|network|record|churn|preempt|sleep\n");
    return 2;
}
