import { parser } from '@prometheus-io/lezer-promql'

/** What an expression takes from Prometheus: a figure, and by which labels. */
export type Selector = {
  readonly name: string
  readonly matchers: readonly { readonly label: string; readonly op: string; readonly value: string }[]
}
export type Expression = {
  readonly selectors: readonly Selector[]
  /** The labels that it groups or joins by. */
  readonly groupings: readonly string[]
}

/**
 * Reads PromQL by Prometheus' own grammar.
 * @throws where the expression is none
 */
export function readPromql(text: string): Expression {
  const selectors: Selector[] = []
  const groupings: string[] = []
  const textOf = ({ from, to }: { from: number; to: number }) => text.slice(from, to)
  parser.parse(text).iterate({
    enter({ type, node }) {
      if (type.isError) throw new Error(`no PromQL at character ${node.from}: ${text}`)
      if (type.name === 'VectorSelector') selectors.push(readSelector(node, textOf))
      if (type.name === 'GroupingLabels') groupings.push(...node.getChildren('LabelName').map(textOf))
    },
  })
  if (selectors.length === 0) throw new Error(`asks for no figure: ${text}`)
  return { selectors, groupings }
}

type SyntaxNode = ReturnType<typeof parser.parse>['topNode']

function readSelector(node: SyntaxNode, textOf: (node: SyntaxNode) => string): Selector {
  const name = node.getChild('Identifier')
  const matchers = node.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher') ?? []
  return {
    name: name === null ? '' : textOf(name),
    matchers: matchers.map((matcher) => {
      const [label = '', op = '', value = '""'] = ['LabelName', 'MatchOp', 'StringLiteral'].flatMap((part) =>
        matcher.getChildren(part).map(textOf),
      )
      return { label, op, value: value.slice(1, -1) }
    }),
  }
}
