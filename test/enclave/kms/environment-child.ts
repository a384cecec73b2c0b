/** Runs in a hostile environment (environment.test.ts) and tells what became of each call, as JSON. */
import https from 'node:https'
import net from 'node:net'
import { DescribeKeyCommand, KMSClient } from '@aws-sdk/client-kms'
import { createKmsClient } from '../../../enclave/kms/client.js'

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

function ours(to: string, trustAnchors?: string[]): KMSClient {
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

const result = {
  plainNode: await plainNode(),
  plainClient: await outcome(new KMSClient(plain).send(describeKey)),
  trusted: await outcome(ours(trusted, [ca]).send(describeKey)),
  untrusted: await outcome(ours(path).send(describeKey)),
  dials: 0,
}
dials = 0
await outcome(
  createKmsClient({
    region,
    credentials,
    dial: () => {
      dials++
      throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
    },
  }).send(describeKey),
)
result.dials = dials
process.stdout.write(JSON.stringify(result))
