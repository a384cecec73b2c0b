/** What the benchmark and its processes say to each other. */
export const KINDS = [
  'node',
  'node, known chain',
  'web',
  'web, known chain',
  'floor',
  'floor, known chain',
  'napi',
  'wasm',
] as const
export type Kind = (typeof KINDS)[number]

export interface Order {
  readonly documents: number
}

/** Seconds, of the processor and of the clock. */
export interface Taken {
  readonly cpu: number
  readonly wall: number
}
