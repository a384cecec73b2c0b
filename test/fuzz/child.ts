/** The process that tries a target's inputs: its parent watches it, and ends it when an input takes too long. */
import { CorpusStore } from './corpus-store.js'
import { Coverage } from './coverage.js'
import { CurrentInputWriter } from './current-input.js'
import { Engine, type Progress } from './engine.js'
import type { Finding } from './finding.js'
import type { Target } from './target.js'
import { Tester, type TrialLimits } from './trial.js'

export interface ChildOptions {
  /** URL of the module that exports `target`. */
  readonly module: string
  readonly currentInput: string
  readonly corpus: string
  readonly seed: number
  readonly inputs: number
  readonly milliseconds: number
  readonly maxFindings: number
  readonly limits: TrialLimits
  /** Hex of the only input to try. */
  readonly replay?: string
}

/** What it tells its parent. The input in hex. */
export type ChildMessage =
  | { readonly type: 'progress' | 'done'; readonly progress: Progress }
  | {
      readonly type: 'finding'
      readonly kind: Finding['kind']
      readonly message: string
      readonly hex: string
    }

/** Milliseconds between two words of progress. */
const EVERY = 500

const options = JSON.parse(process.argv[2] ?? '') as ChildOptions
const send = (message: ChildMessage): void => void process.send?.(message)
process.on('disconnect', () => process.exit(1))

const coverage = new Coverage()
const { target } = (await import(options.module)) as { readonly target: Target }
if (target.covers !== undefined) coverage.follow(target.covers)
const current = new CurrentInputWriter(options.currentInput, target.maxLength)
const tester = new Tester(target, current, options.limits)

if (options.replay === undefined) await fuzz()
else await replay(options.replay)
current.idle()
process.disconnect()

async function fuzz(): Promise<void> {
  let told = performance.now()
  const engine = new Engine({
    target,
    tester,
    coverage,
    current,
    store: new CorpusStore(options.corpus),
    seed: options.seed,
    inputs: options.inputs,
    milliseconds: options.milliseconds,
    maxFindings: options.maxFindings,
    onFinding: tell,
    onProgress: () => {
      if (performance.now() < told + EVERY) return
      told = performance.now()
      send({ type: 'progress', progress: engine.progress })
    },
  })
  send({ type: 'done', progress: await engine.run() })
}

async function replay(hex: string): Promise<void> {
  // Some targets make keys and documents with their seeds.
  await target.seeds()
  const { finding, slow } = await tester.try(new Uint8Array(Buffer.from(hex, 'hex')))
  if (finding !== undefined) tell(finding)
  const findings = finding === undefined ? 0 : 1
  const slowest = slow ?? 0
  send({
    type: 'done',
    progress: { inputs: 1, corpus: 0, blocks: 0, findings, slow: slowest > 0 ? 1 : 0, slowest },
  })
}

function tell({ kind, message, input }: Finding): void {
  send({ type: 'finding', kind, message, hex: Buffer.from(input).toString('hex') })
}
