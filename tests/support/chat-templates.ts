/** Chat templates as their models publish them (shortened where they only handle tools), for tests on other tokenizers. */

interface KnownTemplate {
  source: string;
  /** Special tokens that it writes besides the start and end tokens. */
  tokens: readonly string[];
  /** Whether it refuses a system message. */
  refusesSystem?: boolean;
  /** Whether it wants user and assistant in turn, beginning with the user. */
  needsTurns?: boolean;
}

export const CHAT_TEMPLATES: Readonly<Record<string, KnownTemplate>> = {
  ChatML: {
    source: `{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}`,
    tokens: ['<|im_start|>', '<|im_end|>'],
  },
  'ChatML, marked': {
    source: `{%- for message in messages %}
    {%- if message.role == 'assistant' %}
        {{- '<|im_start|>assistant\\n' }}{% generation %}{{- message.content + '<|im_end|>' }}{% endgeneration %}
        {{- '\\n' }}
    {%- else %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}`,
    tokens: ['<|im_start|>', '<|im_end|>'],
  },
  'ChatML, marked tightly': {
    source: `{% for message in messages %}{{ '<|im_start|>' + message.role + '\\n' }}{%- if message.role == 'assistant' -%}{%- generation -%}
  {{ message.content }}<|im_end|>
{%- endgeneration -%}{%- else -%}{{ message.content }}<|im_end|>{%- endif -%}{{ '\\n' }}{% endfor %}`,
    tokens: ['<|im_start|>', '<|im_end|>'],
  },
  'Llama 2': {
    source: `{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}{% for message in loop_messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% if loop.index0 == 0 and system_message != false %}{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + message['content'] %}{% else %}{% set content = message['content'] %}{% endif %}{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ ' '  + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}`,
    tokens: [],
    needsTurns: true,
  },
  'Llama 3': {
    source: `{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}`,
    tokens: ['<|start_header_id|>', '<|end_header_id|>', '<|eot_id|>'],
  },
  Zephyr: {
    source: `{% for message in messages %}\n{% if message['role'] == 'user' %}\n{{ '<|user|>\\n' + message['content'] + eos_token }}\n{% elif message['role'] == 'system' %}\n{{ '<|system|>\\n' + message['content'] + eos_token }}\n{% elif message['role'] == 'assistant' %}\n{{ '<|assistant|>\\n'  + message['content'] + eos_token }}\n{% endif %}\n{% if loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n{% endfor %}`,
    tokens: [],
  },
  Mistral: {
    source: `{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ message['content'] + eos_token}}{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}`,
    tokens: [],
    refusesSystem: true,
    needsTurns: true,
  },
};
