/* What the parts of the guest's one static program share. */
#ifndef GUEST_H
#define GUEST_H

#include <stddef.h>

/** Ends the program with what failed and errno's text. */
void fail(const char *what) __attribute__((noreturn));
/** What failed, on standard error; the work goes on without it. */
void lacking(const char *what);

/** Starts a child that sets something up by `work` and then sleeps for good; returns its pid when it is set up. */
int start(const char *name, void (*work)(void));
void sleep_for_good(void) __attribute__((noreturn));

int record(void);
int network(void);
int churn(void);
int preempt(void);

/** The works of each file. */
void start_files(void);
void start_sockets(void);
void start_processes(void);
void start_boxes(void);

#endif
