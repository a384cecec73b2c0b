/** Names each survivor as soon as it is known: the whole list comes at the end of an hour, or never. */
import { relative } from 'node:path'

class AsTheyCome {
  onMutantTested({ status, fileName, location, mutatorName, replacement }) {
    if (status !== 'Survived' && status !== 'NoCoverage') return
    const { line, column } = location.start
    const where = `${relative('.', fileName)}:${line}:${column}`
    process.stdout.write(
      `${status}: ${where} ${mutatorName}: ${replacement.replaceAll(/\s+/g, ' ').slice(0, 80)}\n`,
    )
  }
}

export const strykerPlugins = [{ kind: 'Reporter', name: 'as-they-come', injectableClass: AsTheyCome }]
