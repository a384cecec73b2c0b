/** The blobs of an OCI image layout: nothing that was read from one is used before its digest is known to be right. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { z } from 'zod'
import { FormatError } from '../../shared/errors.js'
import { type ByteSource, withFile } from '../byte-source.js'
import { type Descriptor, parseOciJson } from './schemas.js'

/** Bytes of JSON that are read: registries take no more either. */
const MAX_JSON = 4 * 1024 * 1024
const CHUNK = 256 * 1024

/** A JSON file of the layout's own, such as index.json. Throws FormatError ERR_OCI_IMAGE, UsageError ERR_USAGE. */
export async function readLayoutJson<T>(layout: string, name: string, schema: z.ZodType<T>): Promise<T> {
  const path = join(layout, name)
  return await withFile(path, async (source) => {
    checkJsonSize(source.size, path)
    return parseOciJson(await collect(untilUndefined(reader(source))), schema, path)
  })
}

/** Throws FormatError ERR_OCI_IMAGE, UsageError ERR_USAGE. `what` names the blob in messages. */
export async function readJsonBlob<T>(
  layout: string,
  descriptor: Descriptor,
  schema: z.ZodType<T>,
  what: string,
): Promise<T> {
  checkJsonSize(descriptor.size, what)
  const bytes = await withBlob(layout, descriptor, (chunks) => collect(chunks))
  return parseOciJson(bytes, schema, `${what} ${descriptor.digest}`)
}

/**
 * Runs `body` on the blob's bytes, and settles only when all of them were read and have the descriptor's size and
 * digest: a wrong digest is the error then, whatever `body` made of the wrong bytes.
 * Throws FormatError ERR_OCI_IMAGE, UsageError ERR_USAGE.
 */
export async function withBlob<T>(
  layout: string,
  { digest, size }: Descriptor,
  body: (chunks: AsyncIterable<Buffer>) => Promise<T>,
): Promise<T> {
  const path = join(layout, 'blobs', 'sha256', digest.slice('sha256:'.length))
  return await withFile(path, async (source) => {
    if (source.size !== size) throw refused(`blob ${digest} has ${source.size} bytes, not ${size}`)
    const hash = createHash('sha256')
    const next = reader(source, (chunk) => hash.update(chunk))
    const [result] = await Promise.allSettled([body(untilUndefined(next))])
    // What `body` left.
    while ((await next()) !== undefined);
    if (`sha256:${hash.digest('hex')}` !== digest)
      throw refused(`blob ${digest} has another digest: the image is damaged. Copy it again`)
    if (result.status === 'rejected') throw result.reason
    return result.value
  })
}

/**
 * Gives one chunk after the other, undefined at the end. Calls wait for each other: a stream that is destroyed leaves
 * its last one under way.
 */
function reader(
  source: ByteSource,
  onChunk: (chunk: Buffer) => void = () => undefined,
): () => Promise<Buffer | undefined> {
  let position = 0
  const read = async (): Promise<Buffer | undefined> => {
    const buffer = Buffer.allocUnsafe(CHUNK)
    const chunk = buffer.subarray(0, await source.read(buffer, position))
    position += chunk.length
    onChunk(chunk)
    return chunk.length === 0 ? undefined : chunk
  }
  let last: Promise<unknown> = Promise.resolve()
  return () => {
    const turn = last.then(read)
    last = turn.catch(() => undefined)
    return turn
  }
}

async function* untilUndefined<T>(next: () => Promise<T | undefined>): AsyncGenerator<T> {
  for (let item = await next(); item !== undefined; item = await next()) yield item
}

async function collect(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = []
  for await (const chunk of chunks) all.push(chunk)
  return Buffer.concat(all)
}

function checkJsonSize(size: number, what: string): void {
  if (size > MAX_JSON) throw refused(`${what} has ${size} bytes, at most ${MAX_JSON} are read`)
}

function refused(why: string): FormatError {
  return new FormatError('ERR_OCI_IMAGE', why)
}
