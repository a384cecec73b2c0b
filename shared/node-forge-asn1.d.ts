// @types/node-forge describes the whole package only; the product loads nothing of it but this file.
declare module 'node-forge/lib/asn1.js' {
  type Content = string | Value[]
  interface Value {
    tagClass: number
    type: number
    constructed: boolean
    value: Content
  }
  interface Options {
    strict: boolean
    parseAllBytes: boolean
    decodeBitStrings: boolean
    maxDepth: number
  }
  const asn1: {
    fromDer(bytes: string, options: Options): Value
  }
  export type Asn1 = Value
  export default asn1
}
