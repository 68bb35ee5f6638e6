import { parser } from '@prometheus-io/lezer-promql'

/** A metric that an expression selects, with its label matchers. */
export type PromqlSelector = {
  readonly name: string
  readonly matchers: readonly { readonly label: string; readonly op: string; readonly value: string }[]
}
export type PromqlExpression = {
  readonly selectors: readonly PromqlSelector[]
  /** The labels by which the expression groups or joins. */
  readonly groupings: readonly string[]
}

/** Parses PromQL by Prometheus' own grammar. @throws if the text is no expression, or selects no metric */
export function parsePromql(text: string): PromqlExpression {
  const selectors: PromqlSelector[] = []
  const groupings: string[] = []
  const textOf = ({ from, to }: { from: number; to: number }) => text.slice(from, to)
  parser.parse(text).iterate({
    enter({ type, node }) {
      if (type.isError) throw new Error(`invalid PromQL at character ${node.from}: ${text}`)
      if (type.name === 'VectorSelector') selectors.push(parseSelector(node, textOf))
      if (type.name === 'GroupingLabels') groupings.push(...node.getChildren('LabelName').map(textOf))
    },
  })
  if (selectors.length === 0) throw new Error(`the expression selects no metric: ${text}`)
  return { selectors, groupings }
}

type SyntaxNode = ReturnType<typeof parser.parse>['topNode']

function parseSelector(node: SyntaxNode, textOf: (node: SyntaxNode) => string): PromqlSelector {
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
