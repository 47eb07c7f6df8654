#ifndef NETWORK_H
#define NETWORK_H

void add_link(const char *name, const char *kind, int peer_of);

#endif
