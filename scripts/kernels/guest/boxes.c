/* Containers as runtimes make them: cgroups, namespaces, an overlay as root, and a program or two. */
#define _GNU_SOURCE
#include "guest.h"
#include "network.h"
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define ID(digit) digit digit digit digit digit digit digit digit
#define POD "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0b5e7a52_1111_4222_8333_944444444444.slice"
/** What a user namespace has as root is this user outside. */
#define FIRST_ID 100000
#define TEXT(number) TEXT_OF(number)
#define TEXT_OF(number) #number
#define USUAL (CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC)

struct box {
    const char *name, *cgroup;
    int spaces;
    /** Of which box it has the network and IPC, or -1. */
    int joins;
};

static const struct box BOXES[] = {
    {"web", "/system.slice/docker-" ID("0123abcd") ".scope", USUAL | CLONE_NEWNET, -1},
    {"pause", POD "/cri-containerd-" ID("11223344") ".scope", USUAL | CLONE_NEWNET, -1},
    {"sidecar", POD "/cri-containerd-" ID("55667788") ".scope", CLONE_NEWPID | CLONE_NEWNS, 1},
    {"rootless", "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID("99aabbcc") ".scope",
        USUAL | CLONE_NEWNET | CLONE_NEWUSER, -1},
    {"old-style", "/docker/" ID("ddeeff00"), USUAL | CLONE_NEWNET, -1},
};
#define COUNT (int)(sizeof BOXES / sizeof *BOXES)

static int inits[COUNT];
/** Closed when a box's program is executed. */
static int executed;

static int put(const char *path, const char *text) {
    int file = open(path, O_WRONLY | O_CREAT, 0644);
    int fine = file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text);
    if (!fine) lacking(path);
    close(file);
    return fine;
}

static void make_folders(const char *path) {
    char part[PATH_MAX];
    for (const char *at = path; (at = strchr(at + 1, '/')) != NULL;) {
        snprintf(part, sizeof part, "%.*s", (int)(at - path), path);
        mkdir(part, 0755);
    }
    mkdir(path, 0755);
}

/** Gives each cgroup on the way to one what its parent's file says: an empty cpuset takes no process. */
static void hand_down(const char *root, const char *cgroup, const char *name) {
    char path[PATH_MAX], text[256];
    snprintf(path, sizeof path, "%s/%s", root, name);
    int from = open(path, O_RDONLY);
    ssize_t length = read(from, text, sizeof text - 1);
    close(from);
    if (length <= 0) return;
    text[length] = 0;
    for (const char *at = cgroup; at != NULL; at = strchr(at + 1, '/')) {
        if (at == cgroup) continue;
        snprintf(path, sizeof path, "%s%.*s/%s", root, (int)(at - cgroup), cgroup, name);
        put(path, text);
    }
    snprintf(path, sizeof path, "%s%s/%s", root, cgroup, name);
    put(path, text);
}

/** Puts a process into a cgroup of each hierarchy that is mounted. */
static void enter_cgroup(const char *cgroup, int pid) {
    char target[256], type[64], path[PATH_MAX], text[16];
    FILE *mounts = fopen("/proc/mounts", "r");
    snprintf(text, sizeof text, "%d", pid);
    while (mounts != NULL && fscanf(mounts, "%*s %255s %63s %*[^\n]", target, type) == 2) {
        if (strncmp(type, "cgroup", 6) != 0) continue;
        snprintf(path, sizeof path, "%s%s", target, cgroup);
        make_folders(path);
        if (strstr(target, "cpuset") != NULL) {
            hand_down(target, cgroup, "cpuset.cpus");
            hand_down(target, cgroup, "cpuset.mems");
        }
        snprintf(path, sizeof path, "%s%s/cgroup.procs", target, cgroup);
        put(path, text);
    }
    if (mounts != NULL) fclose(mounts);
}

static void device(const char *path, int mode, int major, int minor) {
    if (mknod(path, S_IFCHR | mode, makedev(major, minor)) < 0) lacking(path);
}

static void mount_or_lack(const char *type, const char *target, unsigned long flags, const char *options) {
    if (mount(type, target, type, flags, options) < 0) lacking(target);
}

/** Makes an overlay of the image that all boxes share, and makes it the root. */
static void new_root(const struct box *box) {
    char layers[PATH_MAX], root[PATH_MAX], options[3 * PATH_MAX];
    snprintf(layers, sizeof layers, "/run/boxes/%s", box->name);
    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
    snprintf(root, sizeof root, "%s/merged", layers);
    snprintf(options, sizeof options, "lowerdir=/image,upperdir=%s/upper,workdir=%s/work", layers, layers);
    if (mount("overlay", root, "overlay", 0, options) < 0) {
        lacking("an overlay");
        if (mount("/image", root, NULL, MS_BIND, NULL) < 0) lacking("a bind mount");
    }
    if (chdir(root) < 0) fail(root);
    mount_or_lack("proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    mount_or_lack("tmpfs", "dev", MS_NOSUID, "mode=755,size=64k");
    mount_or_lack("tmpfs", "tmp", MS_NOSUID, "size=1m");
    if (!(box->spaces & CLONE_NEWUSER)) {
        device("dev/null", 0666, 1, 3);
        device("dev/zero", 0666, 1, 5);
    }
    if (syscall(SYS_pivot_root, ".", "old") < 0) fail("pivot_root");
    if (chdir("/") < 0 || umount2("/old", MNT_DETACH) < 0) fail("leaving the old root");
}

static void helper(void) {
    close(executed);
    int file = open("/tmp/kept", O_CREAT | O_RDWR, 0600);
    if (write(file, "in a box", 8) != 8) lacking("a file in a box");
    gid_t groups[] = {1000, 44};
    if (setgroups(2, groups) < 0 || setgid(1000) < 0 || setuid(1000) < 0) lacking("a user in a box");
}

static void run(const struct box *box) {
    char *words[] = {"/bin/sleeper", "--serve", (char *)box->name, NULL};
    char variable[64], *variables[] = {"PATH=/bin", variable, NULL};
    snprintf(variable, sizeof variable, "BOX=%s", box->name);
    new_root(box);
    if (box->spaces & CLONE_NEWUTS && sethostname(box->name, strlen(box->name)) < 0) lacking("a host name");
    put("/etc/changed", "by the box\n");
    unlink("/etc/removed");
    start("helper", helper);
    close(200);
    execve(words[0], words, variables);
    fail("exec in a box");
}

static void joined(const char *space, int pid) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/%s", pid, space);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || setns(file, 0) < 0) lacking(path);
    close(file);
}

static void make(const struct box *box, int at) {
    char path[PATH_MAX], text[32];
    const char *const layers[] = {"upper", "work", "merged"};
    for (int layer = 0; layer < 3; layer++) {
        snprintf(path, sizeof path, "/run/boxes/%s/%s", box->name, layers[layer]);
        make_folders(path);
        if (box->spaces & CLONE_NEWUSER && chown(path, FIRST_ID, FIRST_ID) < 0) lacking(path);
    }
    int go[2], done[2];
    if (pipe(go) < 0 || pipe2(done, O_CLOEXEC) < 0) fail("pipe");
    int pid = syscall(SYS_clone, box->spaces | SIGCHLD, 0, 0, 0, 0);
    if (pid < 0) return lacking(box->name);
    char byte;
    if (pid == 0) {
        close(go[1]);
        close(done[0]);
        executed = done[1];
        if (read(go[0], &byte, 1) != 1) fail("the runtime");
        close(go[0]);
        if (box->joins >= 0) {
            joined("net", inits[box->joins]);
            joined("ipc", inits[box->joins]);
            joined("uts", inits[box->joins]);
        }
        if (box->spaces & CLONE_NEWUSER && (setgid(0) < 0 || setuid(0) < 0)) lacking("root in a user namespace");
        if (unshare(CLONE_NEWCGROUP) < 0) lacking("a cgroup namespace");
        run(box);
    }
    close(go[0]);
    close(done[1]);
    inits[at] = pid;
    enter_cgroup(box->cgroup, pid);
    if (box->spaces & CLONE_NEWUSER) {
        snprintf(path, sizeof path, "/proc/%d/uid_map", pid);
        put(path, "0 " TEXT(FIRST_ID) " 65536");
        snprintf(path, sizeof path, "/proc/%d/gid_map", pid);
        put(path, "0 " TEXT(FIRST_ID) " 65536");
    }
    if (box->spaces & CLONE_NEWNET) {
        snprintf(text, sizeof text, "veth-%s", box->name);
        text[15] = 0;
        add_link(text, "veth", pid);
    }
    snprintf(path, sizeof path, "/run/boxes/%s/pid", box->name);
    snprintf(text, sizeof text, "%d\n", pid);
    put(path, text);
    if (write(go[1], "", 1) != 1) fail("a box");
    close(go[1]);
    /* Ends when the box's program is executed. */
    if (read(done[0], &byte, 1) != 0) fail("a box");
    close(done[0]);
}

void start_boxes(void) {
    for (int at = 0; at < COUNT; at++) make(&BOXES[at], at);
}
