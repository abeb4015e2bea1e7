// The schema, as graphql-eslint wants it, but for what does not fit: the schema is printed by the framework, with one-line
// descriptions; things that are part of another thing have no id; the framework's connections have no description.
import graphql from '@graphql-eslint/eslint-plugin';

const recommended = graphql.configs['flat/schema-recommended'].rules;
const name = (rule) => `@graphql-eslint/${rule}`;

export default [
  {
    files: ['schema.graphql'],
    languageOptions: { parser: graphql.parser, parserOptions: { graphQLConfig: { schema: './schema.graphql' } } },
    plugins: { '@graphql-eslint': graphql },
    rules: {
      ...recommended,
      [name('description-style')]: 'off',
      [name('strict-id-in-types')]: 'off',
      // `Device.deviceId` and `Event.event` are the contract's words.
      [name('no-typename-prefix')]: 'off',
      [name('require-description')]: [
        'error',
        { types: true, DirectiveDefinition: true, rootField: true, ignoredSelectors: ['[name.value=/(Connection|Edge)$/]'] },
      ],
    },
  },
];
