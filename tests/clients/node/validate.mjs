// The OpenAPI documents against their schemas, by the heir of swagger-cli's validator.
import { readFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';

for (const [file, version] of [['openapi.json', '3.1'], ['openapi-3.0.json', '3.0']]) {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(JSON.parse(readFileSync(file, 'utf8')));
  if (!valid || validator.version !== version) {
    throw new Error(`${file} (${validator.version}): ${JSON.stringify(errors, null, 2)}`);
  }
  console.log(`${file}: OpenAPI ${validator.version}`);
}
