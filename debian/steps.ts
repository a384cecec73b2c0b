/** What the reader sees while it runs: each step, and how long it took. */

export function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

export async function step<T>(title: string, work: () => Promise<T>): Promise<T> {
  say(`== ${title}`)
  const began = performance.now()
  let ended = 'failed after'
  try {
    const value = await work()
    ended = 'took'
    return value
  } finally {
    say(`   ${ended} ${((performance.now() - began) / 1000).toFixed(1)} s`)
  }
}
