/// The words that service orders are made of.
enum ServiceOrderWords {
    static let statuses = ["aberta", "em andamento", "concluída", "concluída", "cancelada"]

    static let priorities = ["baixa", "normal", "normal", "alta", "urgente"]

    static let trades = [
        "Metalúrgica", "Panificadora", "Supermercado", "Hospital", "Condomínio", "Transportadora",
        "Auto Peças", "Colégio", "Hotel", "Farmácia", "Laticínios", "Usina", "Gráfica",
        "Construtora", "Clínica Odontológica", "Cooperativa Agrícola", "Frigorífico",
    ]

    static let names = [
        "São Bento", "Boa Vista", "Três Corações", "Ipiranga", "Santa Luzia", "Vale do Aço",
        "Irmãos Conceição", "Nossa Senhora Aparecida", "Água Limpa", "João & José", "Maranhão",
        "Pôr do Sol", "Bandeirantes", "Serra Azul", "D'Ávila", "Caçula", "Ypê Roxo",
    ]

    static let legalForms = ["Ltda.", "S.A.", "ME", "EPP", "& Filhos Ltda.", "EIRELI"]

    static let cities: [(name: String, state: String)] = [
        ("São Paulo", "SP"), ("Ribeirão Preto", "SP"), ("Belo Horizonte", "MG"),
        ("Uberlândia", "MG"), ("Rio de Janeiro", "RJ"), ("Niterói", "RJ"), ("Curitiba", "PR"),
        ("Maringá", "PR"), ("Florianópolis", "SC"), ("Joinville", "SC"), ("Porto Alegre", "RS"),
        ("Brasília", "DF"), ("Goiânia", "GO"), ("Salvador", "BA"), ("Recife", "PE"),
        ("Fortaleza", "CE"), ("Belém", "PA"), ("Manaus", "AM"), ("São Luís", "MA"),
    ]

    static let technicians = [
        "Antônio Gonçalves", "Luíza Magalhães", "José Araújo", "Cecília Brandão", "Íris Falcão",
        "Sebastião Simões", "Conceição Lourenço", "Fábio Guimarães", "Mônica Leitão",
        "Otávio Sampaio", "Tânia Assunção", "Vinícius Galvão",
    ]

    static let equipment = [
        "Compressor parafuso 30 HP", "Câmara fria 12 m³", "Ar-condicionado split 36.000 BTU",
        "Empilhadeira elétrica 2,5 t", "Caldeira flamotubular", "Torno CNC", "Elevador social nº 2",
        "Grupo gerador 150 kVA", "Impressora offset 4 cores", "Autoclave 75 L",
        "Esteira transportadora 18 m", "Bomba centrífuga 3\" x 2\"",
    ]

    static let items = [
        "Rolamento 6205-2RS", "Correia dentada HTD 8M", "Filtro de óleo", "Gás refrigerante R-410A",
        "Contator 25 A 220 V", "Mão de obra especializada (h)", "Sensor de temperatura PT-100",
        "Vedação de borracha nitrílica", "Placa eletrônica de comando", "Graxa à base de lítio",
        "Kit de reparo do cilindro", "Disjuntor tripolar 63 A",
    ]

    static let expenseKinds = [
        "combustível", "pedágio", "alimentação", "hospedagem", "estacionamento", "frete",
        "material", "quilometragem",
    ]

    static let findings = [
        "Equipamento não liga após queda de energia.",
        "Ruído excessivo e vibração no mancal dianteiro.",
        "Vazamento de óleo na junção da tubulação de retorno.",
        "Temperatura acima do limite; o alarme dispara em cerca de 15 minutos.",
        "Cliente relata parada intermitente no turno da noite.",
        "Manutenção preventiva conforme contrato anual.",
        "Painel indica \"FALHA E-07\" e bloqueia a partida.",
        "Solicitada inspeção para renovação do laudo técnico (NR-13).",
    ]

    static let actions = [
        "Substituídas as peças gastas e reapertadas todas as conexões.",
        "Efetuada limpeza completa, lubrificação e troca dos filtros.",
        "Medições elétricas dentro da faixa: 218 V a 223 V entre fases.",
        "Teste de funcionamento por duas horas, sem anomalias.",
        "Necessário retorno com a peça de reposição; prazo do fornecedor: 10 dias úteis.",
        "Ajustados os parâmetros do controlador e gravada cópia em \\\\servidor\\laudos.",
    ]

    static let notes = [
        "Entrada somente com EPI completo e integração em dia.",
        "Falar com o Sr. Antônio na portaria 2\te levar a nota fiscal.",
        "Horário de atendimento: 8h às 17h.\nNão buzinar.",
        "Cobrar deslocamento à parte — ver contrato.",
        "Cliente satisfeito 👍",
    ]
}
