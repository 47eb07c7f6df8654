/* The first process of a pod: it sleeps, and reaps what is left to it. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void leave(int signal) { _exit(0); }

int main(void) {
  signal(SIGTERM, leave);
  signal(SIGINT, leave);
  for (;;)
    if (waitpid(-1, NULL, 0) < 0) pause();
}
