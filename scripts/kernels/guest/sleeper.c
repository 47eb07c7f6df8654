/* Sleeps, whatever it is called: the program of containers, and of processes with odd arguments. */
#include <unistd.h>

int main(void) {
    for (;;) pause();
}
