// Judges documents by one of the Evervault packages. They know no time but the clock's: this process has the documents'.
import { readFileSync, writeSync } from 'node:fs'
import { createRequire } from 'node:module'

const [, , peer, file, certificateFile] = process.argv
const require = createRequire(import.meta.url)
const documents = JSON.parse(readFileSync(file, 'utf8')).map((text) => Buffer.from(text, 'base64'))

if (peer === 'napi') {
  const { attestEnclave } = require('@evervault/attestation-bindings')
  const certificate = readFileSync(certificateFile)
  documents.forEach((document, index) => {
    // It writes its reasons to stderr itself.
    writeSync(2, `\n# ${index}\n`)
    const accepted = attestEnclave(certificate, [], document)
    if (accepted) writeSync(2, 'accepted\n')
  })
} else {
  const wasm = await import('@evervault/wasm-attestation-bindings')
  wasm.initSync({
    module: readFileSync(require.resolve('@evervault/wasm-attestation-bindings/index_bg.wasm')),
  })
  // What its error says less exactly.
  console.error = (text) => writeSync(2, `${text}\n`)
  documents.forEach((document, index) => {
    writeSync(2, `\n# ${index}\n`)
    try {
      const accepted = wasm.validateAttestationDocPcrs(document.toString('base64'), [])
      writeSync(2, accepted ? 'accepted\n' : 'false\n')
    } catch (error) {
      writeSync(2, `${error}\n`)
    }
  })
}
