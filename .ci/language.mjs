#!/usr/bin/env node
/**
 * Checks the house rules for names and comments, see "Language" in gateway/docs/contributing.md:
 * a type name is declared once per half; an exported function has a doc comment; the doc comment of a function begins with
 * a verb in the third person; a doc comment has at most three lines of description; comments avoid the words of `AVOIDED`.
 * Usage: .ci/language.mjs [PATH ...]; exit code 1 where a rule is broken.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'

import ts from 'typescript'

const HALVES = ['gateway', 'worker', 'shared']
const FOLDERS = [...HALVES, 'k8s', 'drizzle']
const MOST_LINES = 3

/** Words that make a reader guess who does what; each has a standard term. */
const AVOIDED =
  /\b(?:whoever|whomever|somebody|anybody|nobody|told|tells?|telling|(?:is|was|are|were|been|be) asked|looked at|it is given|gives?|the same, but|seen to|at hand)\b/i

/** Third-person verbs that a doc comment may begin with end in s: "Returns", "Parses". These words do too, and are none. */
const NO_VERBS = new Set([
  'This',
  'Its',
  'As',
  'Whereabouts',
  'Is',
  'Has',
  'Does',
  'Plus',
  'Thus',
  'Always',
  'Us',
  'Was',
])

const wanted = process.argv.slice(2)
const problems = []
const declared = new Map()
for (const file of listFiles()) check(file)
for (const [key, places] of declared)
  if (places.length > 1)
    for (const { file, line } of places)
      report(
        file,
        line,
        `type ${key.split(' ')[1]} is declared ${places.length} times in ${key.split(' ')[0]}/: ${places.map((place) => place.file).join(', ')}`,
      )

const shown = problems.filter(({ file }) => wanted.length === 0 || wanted.some((path) => file.startsWith(path)))
for (const { file, line, problem } of shown) process.stdout.write(`${file}:${line}: ${problem}\n`)
process.stdout.write(shown.length === 0 ? 'names and comments follow the rules\n' : `${shown.length} problems\n`)
process.exit(shown.length === 0 ? 0 : 1)

/** Returns the TypeScript files of the folders, without declarations of other packages. */
function listFiles() {
  return FOLDERS.filter((folder) => existsSync(folder)).flatMap((folder) =>
    readdirSync(folder, { recursive: true })
      .map((path) => `${folder}/${path}`)
      .filter((path) => /\.tsx?$/.test(path) && !path.endsWith('.d.ts') && !path.includes('node_modules/'))
      .toSorted(),
  )
}

function check(file) {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.ES2023, true)
  const isTest = /\.test\.tsx?$/.test(file)
  checkComments(file, source)
  if (isTest) return
  const half = HALVES.find((name) => file.startsWith(`${name}/`))
  const isProduction = !/(^|\/)(testing|bench|demo|checks)\/|\.conformance\.ts$/.test(file)
  for (const statement of source.statements) {
    if (ts.isTypeAliasDeclaration(statement) && half !== undefined && isProduction) {
      const key = `${half} ${statement.name.text}`
      declared.set(key, [...(declared.get(key) ?? []), { file, line: lineOf(source, statement) }])
    }
    const name = functionName(statement)
    if (name !== null) checkFunction(file, source, statement, name)
  }
}

/** Returns the name of a top-level function, also of a constant that is an arrow function; `null` for other statements. */
function functionName(statement) {
  if (ts.isFunctionDeclaration(statement)) return statement.name?.text ?? 'default'
  if (!ts.isVariableStatement(statement)) return null
  const [declaration] = statement.declarationList.declarations
  const value = declaration?.initializer
  const isFunction = value !== undefined && (ts.isArrowFunction(value) || ts.isFunctionExpression(value))
  return isFunction ? declaration.name.getText() : null
}

function checkFunction(file, source, statement, name) {
  const comment = docComment(source, statement) ?? overloadComment(source, name)
  const line = lineOf(source, statement)
  const isExported = statement.modifiers?.some((modifier) => modifier.kind === ts.SyntaxKind.ExportKeyword) ?? false
  if (comment === null) {
    if (isExported) report(file, line, `exported function ${name} has no doc comment`)
    return
  }
  const [first = ''] = comment.split(/\s+/)
  const isVerb = /^[A-Z][A-Za-z-]*s$/.test(first) && !NO_VERBS.has(first)
  if (!isVerb)
    report(file, line, `the doc comment of ${name} begins with "${first}", not with a verb in the third person`)
}

/** Returns the doc comment of a function's first overload; `null` where it has none. */
function overloadComment(source, name) {
  const first = source.statements.find((statement) => functionName(statement) === name)
  return first === undefined ? null : docComment(source, first)
}

/** Returns the text of the last doc comment before a statement, without its markers and tags. */
function docComment(source, statement) {
  const ranges = ts.getLeadingCommentRanges(source.text, statement.getFullStart()) ?? []
  const texts = ranges.map(({ pos, end }) => source.text.slice(pos, end)).filter((text) => text.startsWith('/**'))
  const last = texts.at(-1)
  return last === undefined ? null : description(last).join(' ').trim()
}

/** Returns the lines of a doc comment that describe, up to its first tag. */
function description(comment) {
  const lines = comment
    .replace(/^\/\*\*/, '')
    .replace(/\*\/$/, '')
    .split('\n')
    .map((line) => line.replace(/^\s*\*? ?/, '').trim())
  const tag = lines.findIndex((line) => line.startsWith('@'))
  return (tag < 0 ? lines : lines.slice(0, tag)).filter((line) => line !== '')
}

function checkComments(file, source) {
  const first = source.statements[0]?.getStart() ?? 0
  for (const { pos, end, text } of commentsOf(source)) {
    const line = source.getLineAndCharacterOfPosition(pos).line + 1
    const found = AVOIDED.exec(text.replaceAll(/`[^`]*`/g, ''))
    if (found !== null) report(file, line, `a comment says "${found[0]}"`)
    if (text.startsWith('/**') && end > first && description(text).length > MOST_LINES)
      report(file, line, `a doc comment has ${description(text).length} lines; ${MOST_LINES} is the most`)
  }
}

function commentsOf(source) {
  const found = new Map()
  const add = (ranges) => {
    for (const { pos, end } of ranges ?? []) found.set(pos, { pos, end, text: source.text.slice(pos, end) })
  }
  const visit = (node) => {
    add(ts.getLeadingCommentRanges(source.text, node.getFullStart()))
    add(ts.getTrailingCommentRanges(source.text, node.getEnd()))
    node.getChildren(source).forEach(visit)
  }
  visit(source)
  return found.values()
}

function lineOf(source, node) {
  return source.getLineAndCharacterOfPosition(node.getStart()).line + 1
}

function report(file, line, problem) {
  problems.push({ file, line, problem })
}
