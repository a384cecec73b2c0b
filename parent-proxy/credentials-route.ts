/** A listener's connections to the role's credentials, which this process serves itself. */
import type { Route } from './connection.js'
import type { CredentialsServer } from './credentials/server.js'

export const credentialsRoute = (server: CredentialsServer): Route => ({
  carry: async (client, { bytes, signal }) => {
    await server.serve(client, signal)
    bytes.up += client.bytesRead
    bytes.down += client.bytesWritten
    return { reason: signal.aborted ? 'closed' : 'ended' }
  },
})
