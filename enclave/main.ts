/**
 * Where an enclave image starts: the reference application on the enclave's own NSM and vsock, trusting what the image
 * says. Imported instead, it gives `run`, which takes all that as arguments.
 */
export {
  type Application,
  type Dependencies,
  type GenerateRandom,
  run,
  type Step,
} from './application.js'

if (import.meta.filename === process.argv[1]) {
  const { startProgram } = await import('./program.js')
  await startProgram(new URL('./', import.meta.url))
}
