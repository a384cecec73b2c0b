/** `nitro-enclave proxy`: the only road out of an enclave, as a service on its parent instance. */
import { Command } from 'commander'
import { DEFAULT_CONFIG, readConfig } from '../parent-proxy/config.js'
import { createLogger } from '../parent-proxy/log.js'
import { LOG_TIMEOUT, logDestination } from '../parent-proxy/log-destination.js'
import { startService } from '../parent-proxy/service.js'
import { proxyStatusCommand } from './proxy-status.js'
import { reporting } from './reporting.js'
import { hearSignals } from './service-signals.js'
import { write } from './write.js'

const NOTES = `
Signals:
  SIGHUP           reads the file again; no connection ends, a bad file changes nothing
  SIGTERM, SIGINT  stops listening, lets open connections end for drainTimeout; again: at once

The log is JSON, a line a connection, on standard error.

Examples:
  nitro-enclave proxy --config proxy.yaml --check
  nitro-enclave proxy --config proxy.yaml
  nitro-enclave proxy status --config proxy.yaml`

export function proxyCommand(): Command {
  return new Command('proxy')
    .description(
      "Carry enclaves' vsock connections to allowed endpoints, and serve them the role's credentials.",
    )
    .option('--config <file>', 'YAML: allowlist and listeners', DEFAULT_CONFIG)
    .option('--check', 'check the file and exit')
    .addHelpText('after', NOTES)
    .enablePositionalOptions()
    .action(({ config, check }: { config: string; check?: boolean }) =>
      reporting('proxy', () => (check ? checkConfig(config) : serve(config))),
    )
    .addCommand(proxyStatusCommand())
}

async function checkConfig(file: string): Promise<void> {
  const { listeners, allowlist } = await readConfig(file)
  write(`${file}: fit to serve (listeners: ${listeners.length}, allowlist: ${allowlist.length})`)
}

async function serve(file: string): Promise<void> {
  const attend = hearSignals(['SIGHUP', 'SIGTERM', 'SIGINT'])
  const config = await readConfig(file)
  const destination = logDestination(2)
  const logger = createLogger(config.log.level, destination)
  const service = await startService(config, logger)
  attend({
    end: service.end,
    reload: () => {
      logger.info({ file }, 'reloading')
      void service.reload(() => readConfig(file))
    },
  })
  await service.ended
  await destination.end(LOG_TIMEOUT)
}
