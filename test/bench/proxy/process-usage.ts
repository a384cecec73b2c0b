/** CPU time and memory of a process, its threads and its children, by /proc (proc(5)). */
import { readdirSync, readFileSync } from 'node:fs'

/** Seconds, by process. */
export type CpuTimes = ReadonlyMap<number, number>

const tasks = (pid: number): readonly string[] => {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
}

/** Of all threads, user and system; to the nanosecond, where /proc/PID/stat counts whole ticks of each process. */
const cpuOf = (pid: number): number => {
  let nanoseconds = 0
  for (const task of tasks(pid)) {
    nanoseconds += Number(readText(`/proc/${pid}/task/${task}/schedstat`).split(' ')[0])
  }
  return nanoseconds / 1e9
}

/** Empty if the process has ended meanwhile. */
const readText = (path: string): string => {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

const parentOf = (pid: number): number => Number(/^PPid:\s+(\d+)/m.exec(readText(`/proc/${pid}/status`))?.[1])

const processTree = (root: number): readonly number[] => {
  const children = new Map<number, number[]>()
  for (const name of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const parent = parentOf(Number(name))
    children.set(parent, [...(children.get(parent) ?? []), Number(name)])
  }
  const tree = [root]
  for (const pid of tree) tree.push(...(children.get(pid) ?? []))
  return tree
}

export const cpuTimes = (root: number): CpuTimes => new Map(processTree(root).map((pid) => [pid, cpuOf(pid)]))

/** Seconds since `before` of all threads that still run. */
export const cpuSince = (root: number, before: CpuTimes): number => {
  let sum = 0
  for (const [pid, cpu] of cpuTimes(root)) sum += cpu - (before.get(pid) ?? 0)
  return sum
}

/** KiB in memory; what several processes share counts once in all (Pss). */
export const memoryOf = (root: number): number => {
  let sum = 0
  for (const pid of processTree(root)) {
    sum += Number(/^Pss:\s+(\d+) kB/m.exec(readText(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0)
  }
  return sum
}

/** Whether somebody listens at 127.0.0.1:port, asked without connecting. */
export const isListening = (port: number): boolean => {
  const address = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')} 00000000:0000 0A`
  return readFileSync('/proc/net/tcp', 'latin1').includes(address)
}
