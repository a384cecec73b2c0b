/**
 * What is not mutated: words that only people read. They are the message of an error (never its code), the message
 * that a function of the same file makes such an error of, and the sentences of a diagnosis. Whatever decides which
 * words these are (a condition, a call) is mutated like all else.
 */

/** Names of a diagnosis's sentences (enclave/kms/diagnosis/diagnosis.ts). */
const SENTENCES = ['likely', 'next']

const ignorer = {
  shouldIgnore(path) {
    return isText(path.node) && isForPeople(path) ? 'words for people' : undefined
  },
}

export const strykerPlugins = [{ kind: 'Ignore', name: 'words-for-people', value: ignorer }]

/** A template counts when nothing is computed within it: what is ignored is ignored with all that it holds. */
function isText(node) {
  return node.type === 'StringLiteral' || (node.type === 'TemplateLiteral' && node.expressions.every(isPlain))
}

function isPlain(node) {
  if (node.type === 'Identifier' || node.type === 'ThisExpression') return true
  if (node.type === 'MemberExpression') return isPlain(node.object)
  return node.type === 'CallExpression' && isPlain(node.callee) && node.arguments.every(isPlain)
}

function isForPeople(path) {
  const whole = joined(path)
  const { parent, listKey, key } = whole
  if (parent.type === 'NewExpression' && listKey === 'arguments') return isMessage(parent, key)
  if (parent.type === 'ObjectProperty' && key === 'value') return SENTENCES.includes(parent.key.name)
  if (parent.type !== 'CallExpression' || listKey !== 'arguments') return false
  return messageParameters(whole.scope.getBinding(parent.callee.name)).includes(key)
}

/** The expression that a text is a part of: a sum of texts, or a choice between them. */
function joined(path) {
  const { parent, key } = path
  const isPart =
    (parent.type === 'BinaryExpression' && parent.operator === '+') ||
    (parent.type === 'ConditionalExpression' && key !== 'test') ||
    parent.type === 'TemplateLiteral'
  return isPart ? joined(path.parentPath) : path
}

/** `new FormatError(code, message)`, `new Error(message)`. */
function isMessage({ callee }, index) {
  return /Error$/.test(callee.name ?? '') && index === (callee.name === 'Error' ? 0 : 1)
}

const known = new WeakMap()

/** Which parameters of a function are (part of) a message in it. */
function messageParameters(binding) {
  if (binding === undefined) return []
  if (!known.has(binding)) known.set(binding, examined(binding))
  return known.get(binding)
}

function examined(binding) {
  const functionPath = binding.path.isVariableDeclarator() ? binding.path.get('init') : binding.path
  if (!functionPath.isFunction()) return []
  return functionPath.node.params.flatMap(({ name }, index) => {
    const uses = functionPath.scope.bindings[name]?.referencePaths ?? []
    return uses.length > 0 && uses.every(isForPeople) ? [index] : []
  })
}
