/*
 * PID 1 of an enclave. Its ramdisks hold /nsm.ko (a driver), /cmd and /env (the program's arguments and environment,
 * one a line) and /rootfs (its root file system), as nitro-cli lays them out, and maybe more drivers in /modules. The
 * order of the steps is that of nitro-cli's init.
 */
#include "init.h"

#include <errno.h>
#include <signal.h>
#include <sys/reboot.h>
#include <unistd.h>

static const char NO_HEARTBEAT[] = "nitro.heartbeat=off";

/* Nobody's machine shall restart because its owner tried this program. */
static bool in_charge(void) {
  if (getpid() == 1) return true;
  say("this is an enclave's init: it does nothing but as process 1, and this is process %d", (int)getpid());
  return false;
}

static void prepare_signals(void) {
  sigset_t all;
  sigfillset(&all);
  /* They wait until somebody asks for them, in command.c. */
  sigprocmask(SIG_BLOCK, &all, NULL);
  /* Ctrl-Alt-Del comes as SIGINT then, and does not restart at once. */
  reboot(RB_DISABLE_CAD);
}

int main(void) {
  if (!in_charge()) return 1;
  prepare_signals();
  mount_devices();
  open_console();
  insert_modules();
  if (on_command_line(NO_HEARTBEAT))
    say("no heartbeat sent: %s", NO_HEARTBEAT);
  else
    send_heartbeat();
  char **environment = take_lines("/env"), **command = take_lines("/cmd");
  errno = 0;
  if (command == NULL || command[0] == NULL) die("no command: /cmd is missing or empty");
  enter_root("/rootfs");
  raise_loopback();
  run_command(command, environment);
  end_enclave();
}
