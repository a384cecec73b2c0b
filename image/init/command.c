/* The program that the enclave is for. */
#include "init.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* As Docker's, when the image names none. */
static const char PATH[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

static pid_t start(char **command, char **environment) {
  char *none = NULL;
  sigset_t no_signals;
  pid_t child = fork();
  if (child == -1) die("cannot fork");
  if (child != 0) return child;
  setsid();
  sigemptyset(&no_signals);
  sigprocmask(SIG_SETMASK, &no_signals, NULL);
  environ = environment == NULL ? &none : environment;
  if (getenv("PATH") == NULL && setenv("PATH", PATH, 1) == -1) die("cannot set PATH");
  execvp(command[0], command);
  die("cannot run %.200s", command[0]);
}

/* Every process whose parent is gone is this one's child. */
static int wait_for(pid_t main_child) {
  sigset_t awaited;
  sigemptyset(&awaited);
  sigaddset(&awaited, SIGCHLD);
  sigaddset(&awaited, SIGINT);
  sigaddset(&awaited, SIGTERM);
  for (;;) {
    int status, number;
    pid_t child;
    if ((errno = sigwait(&awaited, &number)) != 0) die("cannot wait for signals");
    /* Whoever would end this program means the command. */
    if (number != SIGCHLD) kill(main_child, number);
    while ((child = waitpid(-1, &status, WNOHANG)) > 0)
      if (child == main_child) return status;
  }
}

void run_command(char **command, char **environment) {
  int status = wait_for(start(command, environment));
  if (WIFEXITED(status))
    say("the command exited with %d", WEXITSTATUS(status));
  else
    say("the command was ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
}
