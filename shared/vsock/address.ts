/** vsock addresses: a context id (CID) and a port, both unsigned 32-bit (vsock(7), linux/vm_sockets.h). */
import { OperationError } from '../errors.js'
import { shown } from '../printable.js'

/** Listen on every CID of this machine. */
export const VMADDR_CID_ANY = 0xffffffff
export const VMADDR_CID_HYPERVISOR = 0
/** Loopback. */
export const VMADDR_CID_LOCAL = 1
export const VMADDR_CID_HOST = 2
/** The parent instance, as every Nitro enclave sees it. */
export const PARENT_CID = 3

/** VMADDR_PORT_ANY asks the kernel for a port of its choice: no address to publish, so never accepted. */
const VMADDR_PORT_ANY = 0xffffffff
const U32_MAX = 0xffffffff
const DECIMAL = /^(?:0|[1-9][0-9]{0,9})$/

export interface VsockAddress {
  readonly cid: number
  readonly port: number
}

/** What an address text says, before a transport is made of it. */
export type ParsedAddress = VsockAddress &
  ({ kind: 'unix'; directory: string } | { kind: 'hybrid'; path: string } | { kind: 'kernel' })

/** An ERR_VSOCK_ADDRESS error. */
export const addressError = (message: string): OperationError =>
  new OperationError('ERR_VSOCK_ADDRESS', message)

const isU32 = (value: number): boolean => Number.isInteger(value) && value >= 0 && value <= U32_MAX

const LARGEST = { CID: U32_MAX, port: VMADDR_PORT_ANY - 1 } as const

const noNumber = (what: keyof typeof LARGEST, given: string): OperationError =>
  addressError(`a vsock ${what} is an integer from 0 to ${LARGEST[what]}, not ${given}`)

/** @throws OperationError ERR_VSOCK_ADDRESS unless both are unsigned 32-bit integers and the port is not ANY. */
export const checkAddress = ({ cid, port }: VsockAddress): VsockAddress => {
  if (!isU32(cid)) throw noNumber('CID', String(cid))
  if (!isU32(port) || port === VMADDR_PORT_ANY) throw noNumber('port', String(port))
  return { cid, port }
}

/** `vsock:CID:PORT`, for messages. */
export const formatAddress = ({ cid, port }: VsockAddress): string =>
  `vsock:${cid === VMADDR_CID_ANY ? 'ANY' : cid}:${port}`

/** Not Number(): it takes '', ' 1', '0x10' and '1e3' too. */
const decimal = (what: keyof typeof LARGEST, text: string): number => {
  if (!DECIMAL.test(text)) throw noNumber(what, shown(text))
  return Number(text)
}

interface AddressParts {
  readonly kind: 'unix' | 'vsock' | 'hybrid'
  readonly place: string
  readonly number: string
}

/**
 * Reads `vsock:CID:PORT`, `vsock:ANY:PORT`, `unix:DIR:PORT` (CID 3), `unix:DIR:CID.PORT` or `hybrid:PATH:PORT`;
 * DIR and PATH may hold colons. A hybrid address has no CID, PATH is the guest: it gets 3, which nothing reads.
 * @throws OperationError ERR_VSOCK_ADDRESS
 */
export const parseAddress = (text: string): ParsedAddress => {
  const match = /^(?<kind>unix|vsock|hybrid):(?<place>.+):(?<number>[^:]+)$/s.exec(text)
  const parts = match?.groups as AddressParts | undefined
  if (parts === undefined) {
    const forms = 'vsock:CID:PORT, unix:DIR:PORT or hybrid:PATH:PORT'
    throw addressError(`not a vsock address (${forms}): ${shown(text)}`)
  }
  const { kind, place, number } = parts
  if (kind === 'vsock') {
    const cid = place === 'ANY' ? VMADDR_CID_ANY : decimal('CID', place)
    return { kind: 'kernel', ...checkAddress({ cid, port: decimal('port', number) }) }
  }
  if (kind === 'hybrid') {
    return { kind, path: place, ...checkAddress({ cid: PARENT_CID, port: decimal('port', number) }) }
  }
  const dot = number.indexOf('.')
  const cid = dot === -1 ? PARENT_CID : decimal('CID', number.slice(0, dot))
  return {
    kind: 'unix',
    directory: place,
    ...checkAddress({ cid, port: decimal('port', number.slice(dot + 1)) }),
  }
}
