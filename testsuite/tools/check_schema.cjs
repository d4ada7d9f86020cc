// Asks ajv whether a file is what speedscope's schema says:  NODE_PATH=... node check_schema.cjs FILE
const fs = require("fs");
const Ajv = require("ajv");

const schema = require("speedscope/dist/release/file-format-schema.json");
const ajv = new Ajv({ allErrors: true, strict: false });
const validate = ajv.compile(schema);
if (!validate(JSON.parse(fs.readFileSync(process.argv[2], "utf8")))) {
  console.log(ajv.errorsText(validate.errors.slice(0, 5)));
  process.exit(1);
}
