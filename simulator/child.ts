/**
 * One process of the simulation: forked, spoken to by requests over its own channel, ended with its parent.
 * Both ends stand here: `startChild` for the one who forks, `serveParent` for the one who is forked.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { type ErrorReport, reportOf } from '../shared/error-report.js'
import { type ErrorCode, NitroEnclaveError, OperationError } from '../shared/errors.js'

export type { ErrorReport } from '../shared/error-report.js'

/**
 * An error of another process of the simulation, under its own name (`AccessDeniedException`, say) and, where it has
 * one, its own code; ERR_SIMULATOR otherwise.
 */
export class ReportedError extends NitroEnclaveError {
  readonly report: ErrorReport

  constructor(report: ErrorReport) {
    super((report.code ?? 'ERR_SIMULATOR') as ErrorCode, report.message)
    this.name = report.name
    this.report = report
  }
}

type Request = { readonly id: number; readonly method: string; readonly argument: unknown }
type Response =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: ErrorReport }

export interface Child {
  readonly pid: number
  call<Result>(method: string, argument?: unknown): Promise<Result>
  /** Closes the channel, on which the process ends by itself; after two seconds it is killed. */
  close(): Promise<void>
  kill(signal: NodeJS.Signals): void
}

const PATIENCE = 2_000

/** Throws nothing by itself: a process that dies fails its pending and later calls with OperationError ERR_SIMULATOR. */
export function startChild(name: string, file: URL, execArgv: readonly string[] = []): Child {
  // Its standard output goes where diagnostics go: standard output is the command's own.
  const child = fork(file, [], {
    serialization: 'advanced',
    execArgv: [...execArgv],
    stdio: ['ignore', 2, 2, 'ipc'],
    // The SDK's version is pinned: its word on future ones would only stand in the way.
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true', ...process.env },
  })
  const pending = new Map<number, (response: Response) => void>()
  let next = 0
  let ended: string | undefined
  const fail = (why: string): void => {
    ended ??= why
    const error = { name: 'OperationError', message: ended }
    for (const [id, settle] of pending) settle({ id, error })
    pending.clear()
  }
  child.on('message', (message: Response) => {
    pending.get(message.id)?.(message)
    pending.delete(message.id)
  })
  child.on('error', (error) => fail(`the ${name} process failed: ${error.message}`))
  child.on('exit', (code, signal) => fail(`the ${name} process ended (${signal ?? `exit code ${code}`})`))
  return {
    pid: child.pid ?? 0,
    call: <Result>(method: string, argument?: unknown) =>
      new Promise<Result>((resolve, reject) => {
        if (ended !== undefined) return reject(new OperationError('ERR_SIMULATOR', ended))
        const id = next++
        pending.set(id, (response) => {
          if ('error' in response) reject(new ReportedError(response.error))
          else resolve(response.result as Result)
        })
        child.send({ id, method, argument } satisfies Request, (error) => {
          if (error) fail(`the ${name} process cannot be reached: ${error.message}`)
        })
      }),
    close: () => {
      ended ??= 'the simulation is closed'
      return end(child)
    },
    kill: (signal) => void child.kill(signal),
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  if (child.connected) child.disconnect()
  const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE)
  await exited
  clearTimeout(timer)
}

export type Methods = Readonly<Record<string, (argument: never) => unknown>>

/** Answers the parent's calls until the channel closes, then runs `close` and ends the process. */
export function serveParent(methods: Methods, close: () => Promise<void> | void): void {
  process.on('message', (request: Request) => {
    void answer(methods, request).then((response) => process.connected && process.send?.(response))
  })
  process.on('disconnect', () => {
    setTimeout(() => process.exit(1), PATIENCE / 2).unref()
    void Promise.resolve(close()).then(
      () => process.exit(0),
      () => process.exit(1),
    )
  })
  // A terminal, or a supervisor, signals the whole group: the parent decides, and its end closes the channel.
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined)
}

async function answer(methods: Methods, { id, method, argument }: Request): Promise<Response> {
  try {
    const handler = methods[method]
    if (handler === undefined) throw new RangeError(`no method ${method}`)
    return { id, result: await handler(argument as never) }
  } catch (error) {
    return { id, error: reportOf(error) }
  }
}
