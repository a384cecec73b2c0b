/** Takes the lock `path`, says so, and holds it until it is killed or told to end. */
import { lockFile } from '../../../simulator/state/lock.js'

const [path = ''] = process.argv.slice(2)
try {
  const lock = await lockFile(path)
  process.send?.('held')
  process.once('message', () => lock.release().then(() => process.disconnect()))
} catch (error) {
  process.send?.(String(error), () => process.disconnect())
}
