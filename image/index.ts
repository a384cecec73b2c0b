/** Enclave image files: build, measure, describe and compare them, and write the policy that pins one. */
export * from '../shared/errors.js'
export { type BuildEifOptions, buildEif } from './build.js'
export { describeEif, type EifDescription, type NitroCliDescription } from './describe.js'
export { diffEif, type EifDiff, type SectionDifference } from './diff.js'
export type { Architecture, SectionType } from './format.js'
export { kernelArchitecture } from './kernel-architecture.js'
export { SECTION_NAMES } from './layout.js'
export type { Measurements } from './measure.js'
export {
  PINNED_ACTIONS,
  type PinnedAction,
  type PinningOptions,
  pinningPolicy,
  zeroRegisters,
} from './policy.js'
export type { ReadOptions, ReadSection } from './read.js'
export {
  type PreparedRootFilesystem,
  prepareRootFilesystem,
  type RootFilesystemOptions,
} from './root/root-filesystem.js'
export type { Signing } from './signer.js'
export type { SigningCertificate } from './signing-certificate.js'
