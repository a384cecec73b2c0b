/** What `make fuzz` was told. */
import { parseArgs } from 'node:util'
import { defaultCorpusFolder } from './corpus-store.js'
import { TARGETS } from './targets.js'

/** The same inputs in every run that is not told otherwise, but for what a kept corpus adds. */
const SEED = 20_260_301
const SECONDS = 60

export interface FuzzArguments {
  readonly targets: readonly string[]
  readonly seed: number
  /** Of each target; undefined where the time decides. */
  readonly inputs: number | undefined
  /** Of the whole run. */
  readonly seconds: number
  readonly corpus: string
  /** A file of a finding, tried alone. */
  readonly replay: string | undefined
}

/** Empty values are none: make passes every variable. Throws an Error that says what is wrong. */
export function readArguments(args: readonly string[]): FuzzArguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      target: { type: 'string' },
      seed: { type: 'string' },
      inputs: { type: 'string' },
      seconds: { type: 'string' },
      corpus: { type: 'string' },
      replay: { type: 'string' },
    },
  })
  const given = (name: keyof typeof values) => (values[name] === '' ? undefined : values[name])
  const number = (name: keyof typeof values): number | undefined => {
    const text = given(name)
    if (text !== undefined && !/^[0-9]{1,9}$/.test(text)) throw new Error(`${name} is not a number: ${text}`)
    return text === undefined ? undefined : Number(text)
  }
  const target = given('target')
  const unknown = target?.split(',').find((name) => !TARGETS.some((one) => one === name))
  if (unknown !== undefined) throw new Error(`no such target: ${unknown}; there are ${TARGETS.join(', ')}`)
  return {
    targets: target?.split(',') ?? TARGETS,
    seed: number('seed') ?? SEED,
    inputs: number('inputs'),
    seconds: number('seconds') ?? SECONDS,
    corpus: given('corpus') ?? defaultCorpusFolder(),
    replay: given('replay'),
  }
}
