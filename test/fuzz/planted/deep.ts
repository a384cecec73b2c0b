export function deep([first, second]: Uint8Array): void {
  if (first !== 0x4e) return
  if (second !== 0x53) return
  throw new Error('the bottom')
}
