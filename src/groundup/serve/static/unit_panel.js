// The arithmetic of one unit, in numbers.
import { Sheet, bytesOf, onTheme, written } from "/static/sheets.js";

export default {
  template: `
    <div class="unit" data-testid="unit">
      <p v-if="!unit" class="explained">{{ hint }}</p>
      <template v-else>
        <div class="unit-head">
          <div>
            <h3 class="unit-title">{{ unit.title }}</h3>
            <div class="explained">{{ unit.where }}</div>
          </div>
          <output class="unit-value" aria-live="polite" :aria-label="unit.title + ', ' + unit.where">{{ number(unit.value) }}</output>
        </div>
        <ol class="unit-chain">
          <li v-for="link in unit.chain" :class="{'unit-chosen': link.chosen}">
            <div class="unit-term"><button type="button" class="unit-link" @click="$emit('go', link.go)">{{ link.name }}</button>
              <b>{{ number(link.output) }}</b></div>
            <div class="unit-formula">{{ link.formula }}</div>
            <div v-if="link.terms.length" class="unit-terms"><span v-for="[name, value] in link.terms">{{ name }}
              <b>{{ number(value) }}</b></span></div>
          </li>
        </ol>
        <div class="unit-pictures">
          <figure v-for="(picture, index) in unit.pictures" :key="picture.caption + picture.shape">
            <canvas role="img" :aria-label="picture.caption"></canvas>
            <figcaption>{{ picture.caption }}</figcaption>
          </figure>
        </div>
        <table v-if="unit.rows.length" class="unit-rows">
          <thead><tr><th>{{ unit.rowsOf }}</th><th>input</th>
            <template v-if="unit.weighted"><th>× weight</th><th>= product</th></template></tr></thead>
          <tbody>
            <tr v-for="row in unit.rows" :class="{'unit-winner': row.winner}">
              <td><button v-if="row.go !== null" type="button" @click="$emit('go', row.go)"
                :aria-label="'Go to ' + row.name">{{ row.name }}</button><span v-else>{{ row.name }}</span></td>
              <td>{{ number(row.input) }}</td>
              <template v-if="unit.weighted"><td>{{ number(row.weight) }}</td><td>{{ number(row.product) }}</td></template>
            </tr>
            <tr v-if="unit.rest" class="unit-rest"><td :colspan="unit.weighted ? 3 : 1">{{ unit.rest.name }}</td>
              <td>{{ number(unit.rest.sum) }}</td></tr>
          </tbody>
        </table>
      </template>
    </div>`,

  props: { hint: String },

  data() {
    return { unit: null };
  },

  mounted() {
    this.stop = onTheme(() => this.draw());
  },

  unmounted() {
    this.stop();
  },

  methods: {
    number: written,

    async show(unit) {
      this.unit = unit;
      await this.$nextTick();
      this.draw();
    },

    draw() {
      // In the order of the page: that of Vue's references is not promised to be the pictures'.
      this.$el.querySelectorAll("canvas").forEach((canvas, index) => {
        const picture = this.unit.pictures[index];
        const sheet = new Sheet(canvas, { ...picture, columns: picture.columns || 0 });
        sheet.marks = picture.marks || [];
        sheet.set(bytesOf(picture.bytes));
      });
    },
  },
};
