/** Runs in a hostile environment (environment.test.ts) and tells what became of each call, as JSON. */
import files from 'node:fs/promises'
import https from 'node:https'
import { syncBuiltinESMExports } from 'node:module'
import net from 'node:net'

/** Files that the SDK reads; it keeps what it read, so that our client comes first. */
const read: string[] = []
const readFile = files.readFile
files.readFile = ((...args: Parameters<typeof readFile>) => {
  read.push(String(args[0]))
  return readFile(...args)
}) as typeof readFile
syncBuiltinESMExports()

// Loaded only now: the SDK takes readFile as it finds it.
const { DescribeKeyCommand, KMSClient } = await import('@aws-sdk/client-kms')
const { createKmsClient } = await import('../../../enclave/kms/client.js')

const { trusted, path, ca } = JSON.parse(process.argv[2] ?? '{}') as Record<'trusted' | 'path' | 'ca', string>
const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'example' }
const region = 'eu-central-1'
const describeKey = new DescribeKeyCommand({ KeyId: 'alias/a' })

async function outcome(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'answered',
    (error: { code?: string; name: string }) => error.code ?? error.name,
  )
}

let dials = 0
function dialling(to: string): () => net.Socket {
  return () => {
    dials++
    return net.connect(to)
  }
}

function ours(to: string, trustAnchors?: string[]) {
  return createKmsClient({
    region,
    credentials,
    dial: dialling(to),
    ...(trustAnchors ? { trustAnchors } : {}),
  })
}

/** What Node does by itself here: shows that the variables are in force. */
async function plainNode(): Promise<string> {
  const servername = 'kms.eu-central-1.amazonaws.com'
  return new Promise((resolve) => {
    const agent = new https.Agent()
    const connect = agent.createConnection.bind(agent)
    agent.createConnection = (options) =>
      connect({ ...options, socket: net.connect(path) } as https.RequestOptions)
    https
      .get({ host: servername, servername, agent }, (response) => {
        response.resume().on('end', () => resolve('answered'))
      })
      .on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.name))
  })
}

/** The endpoint's variables would shadow each other otherwise: FIPS and an endpoint exclude each other. */
const plain = { region, credentials, useFipsEndpoint: false, useDualstackEndpoint: false }

const refused = () => {
  dials++
  throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
}

const answers = {
  trusted: await outcome(ours(trusted, [ca]).send(describeKey)),
  untrusted: await outcome(ours(path).send(describeKey)),
}
dials = 0
await outcome(createKmsClient({ region, credentials, dial: refused }).send(describeKey))
const filesReadByOurs = read.splice(0)

const result = {
  ...answers,
  dials,
  filesReadByOurs,
  plainNode: await plainNode(),
  plainClient: await outcome(new KMSClient(plain).send(describeKey)),
  filesReadByPlain: read.length,
}
process.stdout.write(JSON.stringify(result))
