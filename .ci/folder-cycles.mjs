#!/usr/bin/env node
/**
 * Checks that no folders import each other in a cycle. At every level of the tree, the files and subfolders of one folder
 * must form a directed acyclic graph, in which a subfolder stands for everything below it. Type imports count; tests, and
 * programs that only developers run, do not. Usage: .ci/folder-cycles.mjs [FOLDER ...]; exit code 1 names each cycle.
 */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const TESTS = /(^|\/)(testing|bench|demo|checks)\/|\.(test|conformance)\.tsx?$/
const ROOT = new URL('../', import.meta.url)
const folders = process.argv.length > 2 ? process.argv.slice(2) : ['gateway', 'worker', 'shared']

const levels = groupByLevel(readImports())
const cycles = [...levels].flatMap(([level, edges]) => findCycles(edges).map((nodes) => ({ level, nodes, edges })))
for (const cycle of cycles) process.stdout.write(describe(cycle))
if (cycles.length === 0) process.stdout.write('no folder cycles\n')
process.exit(cycles.length === 0 ? 0 : 1)

/** Returns every import between two production files, as pairs of paths. */
function readImports() {
  const program = fileURLToPath(new URL('node_modules/dependency-cruiser/bin/dependency-cruise.mjs', ROOT))
  const config = fileURLToPath(new URL('.dependency-cruiser.cjs', ROOT))
  const { modules } = JSON.parse(run([program, '--config', config, '--output-type', 'json', ...folders]))
  return modules.flatMap(({ source, dependencies }) =>
    dependencies.flatMap(({ resolved }) =>
      isProduction(source) && isProduction(resolved) ? [[source, resolved]] : [],
    ),
  )
}

/** Returns the output of a program, also where it fails: dependency-cruiser exits with its number of violations. */
function run(args) {
  try {
    const options = { encoding: 'utf8', maxBuffer: 2 ** 28, stdio: ['ignore', 'pipe', 'ignore'] }
    return execFileSync(process.execPath, args, options)
  } catch (error) {
    if (error.stdout) return error.stdout
    throw error
  }
}

function isProduction(path) {
  return folders.some((folder) => path.startsWith(`${folder}/`)) && !TESTS.test(path)
}

/** Returns for each folder the imports between its children: folder -> child -> child -> an example. */
function groupByLevel(pairs) {
  const grouped = new Map()
  for (const [from, to] of pairs) {
    const source = from.split('/')
    const target = to.split('/')
    const depth = source.findIndex((part, i) => part !== target[i])
    const edges = entryOf(grouped, source.slice(0, depth).join('/') || '.', new Map())
    entryOf(edges, source[depth], new Map()).set(target[depth], `${from} -> ${to}`)
  }
  return grouped
}

function entryOf(map, key, initial) {
  if (!map.has(key)) map.set(key, initial)
  return map.get(key)
}

/** Returns the strongly connected components of more than one node (Tarjan, 1972). */
function findCycles(edges) {
  const index = new Map()
  const low = new Map()
  const stack = []
  const components = []
  const lower = (node, value) => low.set(node, Math.min(low.get(node), value))
  function visit(node) {
    index.set(node, index.size)
    low.set(node, index.get(node))
    stack.push(node)
    for (const next of edges.get(node)?.keys() ?? []) {
      if (!index.has(next)) {
        visit(next)
        lower(node, low.get(next))
      } else if (stack.includes(next)) lower(node, index.get(next))
    }
    if (low.get(node) === index.get(node)) components.push(stack.splice(stack.indexOf(node)))
  }
  for (const node of edges.keys()) if (!index.has(node)) visit(node)
  return components.filter(({ length }) => length > 1)
}

function describe({ level, nodes, edges }) {
  const examples = nodes.flatMap((from) =>
    [...(edges.get(from) ?? [])].flatMap(([to, example]) => (nodes.includes(to) ? [`  ${example}\n`] : [])),
  )
  return `${level}: ${nodes.join(', ')} import each other in a cycle\n${examples.join('')}`
}
