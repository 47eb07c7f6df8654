/* Sockets of every family, with both ends. */
#define _GNU_SOURCE
#include "guest.h"
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_in v4(const char *address, int port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, address, &to.sin_addr);
    return to;
}

static struct sockaddr_in6 v6(const char *address, int port) {
    struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    inet_pton(AF_INET6, address, &to.sin6_addr);
    return to;
}

static int bound(int family, int type, int protocol, const void *to, socklen_t length, const char *what) {
    int one = socket(family, type, protocol), yes = 1;
    setsockopt(one, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (one < 0 || (length > 0 && bind(one, to, length) < 0)) lacking(what);
    return one;
}

#define BOUND(type, to, what) bound((to).what##_family, type, 0, &(to), sizeof(to), #what)

static struct sockaddr_un local(const char *path, socklen_t *length) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t size = path[0] == '@' ? strlen(path) : strlen(path) + 1;
    memcpy(to.sun_path, path, size);
    if (path[0] == '@') to.sun_path[0] = 0;
    *length = offsetof(struct sockaddr_un, sun_path) + size;
    return to;
}

static void listeners(void) {
    struct sockaddr_in tcp = v4("0.0.0.0", 8080), one = v4("127.0.0.1", 8081), udp = v4("127.0.0.1", 5353);
    struct sockaddr_in6 tcp6 = v6("::", 9090), udp6 = v6("::1", 5354);
    listen(BOUND(SOCK_STREAM, tcp, sin), 5);
    listen(BOUND(SOCK_STREAM, one, sin), 5);
    listen(BOUND(SOCK_STREAM, tcp6, sin6), 5);
    BOUND(SOCK_DGRAM, udp, sin);
    BOUND(SOCK_DGRAM, udp6, sin6);
    int raw = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
    struct sock_filter none[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
    struct sock_fprog program = {1, none};
    setsockopt(raw, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
    struct sockaddr_ll all = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = if_nametoindex("lo")};
    bound(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL), &all, sizeof all, "a packet socket");
    struct sockaddr_nl routes = {.nl_family = AF_NETLINK, .nl_groups = 1};
    bound(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, &routes, sizeof routes, "a netlink socket");
    socklen_t length;
    struct sockaddr_un path = local("/run/work/listens", &length);
    listen(bound(AF_UNIX, SOCK_STREAM, 0, &path, length, "a unix socket"), 3);
    path = local("@abstract name", &length);
    listen(bound(AF_UNIX, SOCK_SEQPACKET, 0, &path, length, "an abstract socket"), 3);
    path = local("/run/work/datagrams", &length);
    bound(AF_UNIX, SOCK_DGRAM, 0, &path, length, "a unix datagram socket");
}

/** Connects to a listener of its own, keeps both ends and sends a little that nobody reads. */
static void pair(int family, const void *to, socklen_t length, const char *what) {
    int listener = bound(family, SOCK_STREAM, 0, to, length, what), caller = socket(family, SOCK_STREAM, 0);
    if (listen(listener, 2) < 0 || connect(caller, to, length) < 0) return lacking(what);
    int called = accept(listener, NULL, NULL);
    if (called < 0 || send(caller, "unread", 6, 0) != 6) lacking(what);
}

static void pairs(void) {
    struct sockaddr_in tcp = v4("127.0.0.1", 7001), udp = v4("127.0.0.1", 7003), mapped_to = v4("127.0.0.1", 7005);
    struct sockaddr_in6 tcp6 = v6("::1", 7002), any = v6("::", 7005);
    pair(AF_INET, &tcp, sizeof tcp, "a TCP pair");
    pair(AF_INET6, &tcp6, sizeof tcp6, "a TCP pair over IPv6");
    socklen_t length;
    struct sockaddr_un path = local("/run/work/pair", &length);
    pair(AF_UNIX, &path, length, "a unix pair");
    int caller = socket(AF_INET, SOCK_DGRAM, 0);
    connect(caller, (struct sockaddr *)&udp, sizeof udp);
    int ends[2];
    socketpair(AF_UNIX, SOCK_DGRAM, 0, ends);
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
    /* IPv4 that comes to a socket of IPv6. */
    int both = BOUND(SOCK_STREAM, any, sin6), to_both = socket(AF_INET, SOCK_STREAM, 0);
    listen(both, 2);
    if (connect(to_both, (struct sockaddr *)&mapped_to, sizeof mapped_to) < 0) lacking("IPv4 to a socket of IPv6");
    accept(both, NULL, NULL);
    /* One end has closed, the other has not. */
    struct sockaddr_in half = v4("127.0.0.1", 7006);
    int listener = BOUND(SOCK_STREAM, half, sin), leaves = socket(AF_INET, SOCK_STREAM, 0);
    listen(listener, 1);
    connect(leaves, (struct sockaddr *)&half, sizeof half);
    accept(listener, NULL, NULL);
    shutdown(leaves, SHUT_WR);
}

void start_sockets(void) {
    start("listeners", listeners);
    start("pairs", pairs);
}
