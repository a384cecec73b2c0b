/* PID 1 of an enclave: its parts, in the order in which main() needs them. A step that fails ends the enclave. */
#ifndef INIT_H
#define INIT_H

#include <stdbool.h>
#include <stdnoreturn.h>

/* console.c */

void open_console(void);

/* Prints one line, with the name of this program before it. */
__attribute__((format(printf, 1, 2))) void say(const char *format, ...);

/* Prints one line, with the text of errno after it (unless that is 0), and ends the enclave. In any process of it. */
__attribute__((format(printf, 1, 2))) noreturn void die(const char *format, ...);

noreturn void end_enclave(void);

/* mounts.c */

void mount_devices(void);

/* Makes the folder this process's root, and gives it what the kernel provides: /dev, /proc and so on. */
void enter_root(const char *folder);

/* modules.c */

void insert_modules(void);

/* command-line.c */

/* Whether the kernel was given this option, word for word. */
bool on_command_line(const char *option);

/* heartbeat.c */

void send_heartbeat(void);

/* text.c */

/* What a file says, or NULL when there is none. Longer than 1 MiB, or with a NUL, is a failure. */
char *read_text(const char *path);

/* The lines of a file, which is removed: a list that ends with NULL, or NULL when there is no file. */
char **take_lines(const char *path);

/* loopback.c */

void raise_loopback(void);

/* command.c */

/* Runs the command until it ends, and reaps every process meanwhile; says how it ended. */
void run_command(char **command, char **environment);

#endif
