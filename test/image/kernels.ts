/** The start of a bzImage (Linux, Documentation/arch/x86/boot.rst): enough to be taken for one. */
export const BZ_IMAGE: Uint8Array = (() => {
  const bytes = Buffer.alloc(0x240, 'kernel')
  bytes.writeUInt16LE(0xaa55, 0x1fe)
  bytes.write('HdrS', 0x202)
  bytes.writeUInt16LE(0, 0x20e)
  return bytes
})()
