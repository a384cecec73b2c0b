/** What is used of node-gyp-build 4, which brings no types. */
declare module 'node-gyp-build' {
  /** Loads the binary in `directory` that fits this process: one built there, else one of its prebuilds. */
  export default function load(directory: string): unknown
}
