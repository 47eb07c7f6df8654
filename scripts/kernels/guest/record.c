/*
 * Writes what /proc says to standard output, as frames: a line "NAME LENGTH\n" and then so many bytes. NAME is the path
 * below /proc; "PID/files/FD" is "DEV INODE MODE SIZE LINKS" of an open file by fstat and then where its link leads.
 */
#define _GNU_SOURCE
#include "guest.h"
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static const char *const HOST[] = {"version", "cmdline", "modules", "kallsyms", "iomem", "stat", "uptime", "filesystems", "cgroups",
    "locks", "sysvipc/shm", "sysvipc/sem", "sysvipc/msg", "keys", "devices", "partitions", "slabinfo", "meminfo", "cpuinfo",
    "interrupts", "loadavg", "vmallocinfo", "misc", "swaps", "consoles", NULL};
static const char *const PROCESS[] = {"stat", "status", "cmdline", "environ", "maps", "mountinfo", "cgroup", "limits", "uid_map",
    "gid_map", "loginuid", "sessionid", "timers", "attr/current", "oom_score_adj", "comm", NULL};
static const char *const THREAD[] = {"stat", "status", "comm", "cgroup", "stack", NULL};
static const char *const NET[] = {"tcp", "tcp6", "udp", "udp6", "raw", "raw6", "icmp", "icmp6", "unix", "netlink", "packet", "dev",
    "route", "ipv6_route", "arp", "if_inet6", "igmp", "ptype", "protocols", NULL};
static const char *const LINKS[] = {"exe", "cwd", "root", NULL};
static const char *const SPACES[] = {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts", NULL};

static char *buffer;
static size_t room;

static void frame(const char *name, const char *data, size_t length) {
    printf("%s %zu\n", name, length);
    fwrite(data, 1, length, stdout);
}

/** Writes a file as a frame; one that is not there, or may not be read, is left out. */
static void file(const char *name) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "/proc/%s", name);
    int from = open(path, O_RDONLY | O_NONBLOCK);
    if (from < 0) return;
    size_t length = 0;
    ssize_t got;
    do {
        if (room - length < 65536 && (buffer = realloc(buffer, room += 1 << 20)) == NULL) fail("memory");
        got = read(from, buffer + length, room - length);
        if (got > 0) length += got;
    } while (got > 0);
    close(from);
    if (got == 0) frame(name, buffer, length);
}

static void below(const char *folder, const char *const *names) {
    char name[PATH_MAX];
    for (; *names; names++) {
        snprintf(name, sizeof name, "%s/%s", folder, *names);
        file(name);
    }
}

static void link_of(const char *folder, const char *name, const char *put_as) {
    char path[PATH_MAX], target[PATH_MAX], as[PATH_MAX];
    snprintf(path, sizeof path, "/proc/%s/%s", folder, name);
    ssize_t length = readlink(path, target, sizeof target);
    if (length < 0) return;
    snprintf(as, sizeof as, "%s/%s", folder, put_as);
    frame(as, target, length);
}

static void spaces(const char *folder) {
    char name[64];
    for (const char *const *space = SPACES; *space; space++) {
        snprintf(name, sizeof name, "ns/%s", *space);
        link_of(folder, name, name);
    }
}

/** Calls `visit` with each name in a folder of /proc that is a number. */
static void numbers(const char *folder, void (*visit)(const char *folder, const char *number)) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "/proc/%s", folder);
    DIR *all = opendir(path);
    if (all == NULL) return;
    for (struct dirent *one; (one = readdir(all)) != NULL;)
        if (one->d_name[0] >= '0' && one->d_name[0] <= '9') visit(folder, one->d_name);
    closedir(all);
}

static void open_file(const char *folder, const char *number) {
    char path[PATH_MAX], name[PATH_MAX], said[PATH_MAX + 128], target[PATH_MAX];
    snprintf(path, sizeof path, "/proc/%s/%s", folder, number);
    ssize_t length = readlink(path, target, sizeof target);
    struct stat is;
    if (length < 0 || stat(path, &is) < 0) return;
    size_t pid = strcspn(folder, "/");
    int head = snprintf(said, sizeof said, "%u:%u %llu %o %lld %lu\n", major(is.st_dev), minor(is.st_dev),
        (unsigned long long)is.st_ino, is.st_mode, (long long)is.st_size, (unsigned long)is.st_nlink);
    memcpy(said + head, target, length);
    snprintf(name, sizeof name, "%.*s/files/%s", (int)pid, folder, number);
    frame(name, said, head + length);
    snprintf(name, sizeof name, "%.*s/fdinfo/%s", (int)pid, folder, number);
    file(name);
}

static void thread(const char *folder, const char *number) {
    char name[PATH_MAX];
    snprintf(name, sizeof name, "%s/%s", folder, number);
    below(name, THREAD);
    spaces(name);
}

/** Network namespaces of which the tables are written. */
static ino_t seen[256];
static int seen_count;

static void networks(const char *pid) {
    char path[64];
    struct stat is;
    snprintf(path, sizeof path, "/proc/%s/ns/net", pid);
    if (stat(path, &is) < 0) return;
    for (int at = 0; at < seen_count; at++)
        if (seen[at] == is.st_ino) return;
    if (seen_count < 256) seen[seen_count++] = is.st_ino;
    snprintf(path, sizeof path, "%s/net", pid);
    below(path, NET);
}

static void process(const char *root, const char *pid) {
    (void)root;
    char name[64];
    below(pid, PROCESS);
    for (const char *const *each = LINKS; *each; each++) link_of(pid, *each, *each);
    spaces(pid);
    networks(pid);
    snprintf(name, sizeof name, "%s/task", pid);
    numbers(name, thread);
    snprintf(name, sizeof name, "%s/fd", pid);
    numbers(name, open_file);
}

/** Every setting below a folder of /proc/sys. */
static void settings(const char *folder) {
    char path[PATH_MAX], name[PATH_MAX];
    snprintf(path, sizeof path, "/proc/%s", folder);
    DIR *all = opendir(path);
    if (all == NULL) return;
    for (struct dirent *one; (one = readdir(all)) != NULL;) {
        if (one->d_name[0] == '.') continue;
        snprintf(name, sizeof name, "%s/%s", folder, one->d_name);
        /* What sends packets or wakes work when it is read is none; writing alone does that. */
        if (one->d_type == DT_DIR) settings(name);
        else file(name);
    }
    closedir(all);
}

/** The kernel's log: each read of the device gives one record. */
static void kernel_log(void) {
    int from = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
    if (from < 0) return;
    char line[8192];
    size_t length = 0;
    ssize_t got;
    while ((got = read(from, line, sizeof line)) > 0) {
        if (room - length < sizeof line && (buffer = realloc(buffer, room += 1 << 20)) == NULL) fail("memory");
        memcpy(buffer + length, line, got);
        length += got;
    }
    close(from);
    frame("kmsg", buffer, length);
}

/** Each folder below one, a line each: the cgroups that there are, whether or not anything is in them. */
static void folders(const char *path) {
    char name[PATH_MAX];
    DIR *all = opendir(path);
    if (all == NULL) return;
    frame("cgroup-folder", path, strlen(path));
    for (struct dirent *one; (one = readdir(all)) != NULL;) {
        if (one->d_name[0] == '.' || one->d_type != DT_DIR) continue;
        snprintf(name, sizeof name, "%s/%s", path, one->d_name);
        folders(name);
    }
    closedir(all);
}

int record(void) {
    if ((buffer = malloc(room = 1 << 20)) == NULL) fail("memory");
    char own[16];
    snprintf(own, sizeof own, "%d", getpid());
    frame("recorder", own, strlen(own));
    settings("sys");
    for (const char *const *each = HOST; *each; each++) file(*each);
    kernel_log();
    folders("/sys/fs/cgroup");
    numbers("", process);
    frame("end", "", 0);
    return fflush(stdout) == 0 ? 0 : 1;
}
