/* Keeps the guest busy until it is killed: forks, threads, files, connections, mappings and containers' cgroups come and go. */
#define _GNU_SOURCE
#include "guest.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void *nothing(void *unused) {
    usleep(1000);
    return unused;
}

static void fork_and_exec(int turn) {
    char word[32], *words[] = {"sleeper", word, NULL}, *none[] = {NULL};
    snprintf(word, sizeof word, "turn-%d", turn);
    int pid = fork();
    if (pid == 0) {
        execve("/bin/sleeper", words, none);
        _exit(1);
    }
    usleep(30 * 1000);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void files(int turn) {
    char path[64], page[4096];
    memset(page, turn, sizeof page);
    for (int at = 0; at < 8; at++) {
        snprintf(path, sizeof path, "/tmp/churn-%d-%d", turn % 5, at);
        int file = open(path, O_CREAT | O_RDWR | O_TRUNC, 0600);
        for (int page_at = 0; page_at < 4; page_at++)
            if (write(file, page, sizeof page) < 0) lacking("room");
        void *mapped = mmap(NULL, sizeof page, PROT_READ, MAP_SHARED, file, 0);
        close(file);
        munmap(mapped, sizeof page);
        if (at % 2) unlink(path);
    }
}

static void threads(void) {
    pthread_t some[4];
    for (int at = 0; at < 4; at++) pthread_create(&some[at], NULL, nothing, NULL);
    for (int at = 0; at < 4; at++) pthread_join(some[at], NULL);
}

static void connections(int listener) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(7100)};
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    for (int at = 0; at < 4; at++) {
        int caller = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(caller, (struct sockaddr *)&to, sizeof to) == 0) {
            int called = accept(listener, NULL, NULL);
            send(caller, "hello", 5, 0);
            close(called);
        }
        close(caller);
    }
}

static void cgroups(int turn) {
    char path[96];
    snprintf(path, sizeof path, "/sys/fs/cgroup/churn-%d", turn % 7);
    if (mkdir(path, 0755) < 0) rmdir(path);
}

int churn(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(7100)};
    inet_pton(AF_INET, "127.0.0.1", &at.sin_addr);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&at, sizeof at) < 0 || listen(listener, 16) < 0) fail("listening");
    for (int turn = 0;; turn++) {
        fork_and_exec(turn);
        files(turn);
        threads();
        connections(listener);
        cgroups(turn);
    }
}
