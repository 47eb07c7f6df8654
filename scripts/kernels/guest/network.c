/* Interfaces by rtnetlink, as busybox's `ip` makes none of these kinds. */
#define _GNU_SOURCE
#include "guest.h"
#include "network.h"
#include <errno.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct request {
    struct nlmsghdr head;
    struct ifinfomsg link;
    char attributes[512];
};

static void *end_of(struct request *ask) {
    return (char *)ask + NLMSG_ALIGN(ask->head.nlmsg_len);
}

static struct rtattr *add(struct request *ask, int type, const void *data, int length) {
    struct rtattr *one = end_of(ask);
    one->rta_type = type;
    one->rta_len = RTA_LENGTH(length);
    if (length > 0) memcpy(RTA_DATA(one), data, length);
    ask->head.nlmsg_len = NLMSG_ALIGN(ask->head.nlmsg_len) + RTA_ALIGN(one->rta_len);
    return one;
}

static void close_nest(struct request *ask, struct rtattr *nest) {
    nest->rta_len = (char *)end_of(ask) - (char *)nest;
}

/** Makes an interface; that of kind veth has its peer, `eth0`, in the network namespace of process `peer_of`. */
void add_link(const char *name, const char *kind, int peer_of) {
    struct request ask = {.head = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)), .nlmsg_type = RTM_NEWLINK,
                              .nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK}};
    add(&ask, IFLA_IFNAME, name, strlen(name) + 1);
    struct rtattr *info = add(&ask, IFLA_LINKINFO, NULL, 0);
    add(&ask, IFLA_INFO_KIND, kind, strlen(kind));
    if (peer_of > 0) {
        struct rtattr *data = add(&ask, IFLA_INFO_DATA, NULL, 0);
        struct ifinfomsg none = {0};
        struct rtattr *peer = add(&ask, VETH_INFO_PEER, &none, sizeof none);
        add(&ask, IFLA_IFNAME, "eth0", 5);
        add(&ask, IFLA_NET_NS_PID, &peer_of, sizeof peer_of);
        close_nest(&ask, peer);
        close_nest(&ask, data);
    }
    close_nest(&ask, info);
    int to = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    char answer[1024];
    if (to < 0 || send(to, &ask, ask.head.nlmsg_len, 0) < 0 || recv(to, answer, sizeof answer, 0) < 0) fail("rtnetlink");
    struct nlmsgerr *said = NLMSG_DATA((struct nlmsghdr *)answer);
    close(to);
    if ((errno = -said->error) != 0) lacking(name);
}

int network(void) {
    add_link("br0", "bridge", 0);
    add_link("dummy7", "dummy", 0);
    return 0;
}
