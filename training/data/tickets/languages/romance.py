"""Tickets in French, Spanish, Italian and Portuguese."""

# ruff: noqa: E501 - a template is one line

from training.data.tickets.phrasing import Intent, Queue

FRENCH = {
    Queue.BILLING: Intent(
        "fr",
        train=(
            "J'ai été [débité|prélevé|facturé] deux fois pour [la commande {order}|mon abonnement].",
            "[Je n'ai toujours pas reçu|J'attends encore] [mon remboursement|le remboursement de {amount}].",
            "[Pouvez-vous|Merci de] m'envoyer la facture [de la commande {order}|du mois dernier].",
            "Je souhaite [résilier|arrêter] mon abonnement {plan} avant le prochain prélèvement.",
        ),
        heldout=(
            "D'où vient ce prélèvement de {amount} sur ma carte ? Je n'ai rien acheté.",
            "Le montant de ma facture est trop élevé, on m'avait annoncé {amount}.",
        ),
    ),
    Queue.SHIPPING: Intent(
        "fr",
        train=(
            "Où est mon colis [{order}|commandé il y a {n} semaines] ?",
            "Le {product} est arrivé [cassé|abîmé|en morceaux].",
            "Je voudrais [renvoyer|retourner] le {product}, comment obtenir une étiquette ?",
            "Il manque un article dans [mon colis|la commande {order}].",
        ),
        heldout=(
            "Le suivi dit livré mais je n'ai rien reçu, et mes voisins non plus.",
            "Je déménage à {city}, il faut livrer {order} à la nouvelle adresse.",
        ),
    ),
    Queue.TECHNICAL: Intent(
        "fr",
        train=(
            "L'application [plante|se ferme|se bloque] [à chaque ouverture|depuis la mise à jour].",
            "J'obtiens l'erreur {error} [quand j'enregistre|en ouvrant le site].",
            "Le {product} [ne s'allume plus|ne se connecte pas au Wi-Fi].",
        ),
        heldout=("Depuis hier plus rien ne se charge dans {browser}, la page reste blanche.",),
    ),
    Queue.ACCOUNT: Intent(
        "fr",
        train=(
            "J'ai oublié mon mot de passe et [le lien ne marche pas|je ne reçois pas le mail].",
            "[Merci de|Veuillez] supprimer mon compte [et mes données|{email}].",
            "Mon compte est bloqué [depuis {n} jours|sans raison].",
        ),
        heldout=("Quelqu'un s'est connecté à ma place depuis {city}, je n'arrive plus à entrer.",),
    ),
    Queue.OTHER: Intent(
        "fr",
        train=(
            "Avez-vous des offres d'emploi à {city} ?",
            "Je voulais [juste vous remercier|vous dire merci], le {product} est superbe.",
            "[Quels sont|Pouvez-vous m'indiquer] vos horaires [d'ouverture|à {city}] ?",
        ),
        heldout=("Quand le {product} bleu sera-t-il de nouveau disponible en magasin ?",),
    ),
}

SPANISH = {
    Queue.BILLING: Intent(
        "es",
        train=(
            "Me [cobraron|han cobrado] dos veces [el pedido {order}|la suscripción].",
            "[¿Cuándo recibiré|Sigo esperando] el reembolso de {amount}[?|.]",
            "Necesito [la factura|una copia de la factura] [del pedido {order}|de este mes].",
        ),
        heldout=(
            "Aparece un cargo de {amount} que no reconozco en mi tarjeta.",
            "Quiero darme de baja del plan {plan} para que no me cobren más.",
        ),
    ),
    Queue.SHIPPING: Intent(
        "es",
        train=(
            "¿Dónde está mi [paquete|pedido] {order}? [Lleva {n} días sin moverse|No ha llegado].",
            "El {product} llegó [roto|dañado|golpeado].",
            "Quiero devolver el {product}, ¿[cómo lo envío|quién lo recoge]?",
        ),
        heldout=(
            "En la caja venía otro artículo, yo pedí un {product}.",
            "El repartidor dice que entregó {order}, aquí no hay nada.",
        ),
    ),
    Queue.TECHNICAL: Intent(
        "es",
        train=(
            "La aplicación [se cierra sola|no abre|se queda congelada] [en mi {device}|desde la actualización].",
            "Me sale el error {error} al [guardar|entrar en la página|subir un archivo].",
            "El {product} no [enciende|se conecta al móvil].",
        ),
        heldout=("Todo va lentísimo desde el lunes, la web tarda un minuto en cargar.",),
    ),
    Queue.ACCOUNT: Intent(
        "es",
        train=(
            "No puedo [iniciar sesión|entrar en mi cuenta], [olvidé la contraseña|dice usuario desconocido].",
            "Quiero [cambiar mi correo a {email}|borrar mi cuenta].",
            "No me llega el código de verificación [al móvil|para entrar].",
        ),
        heldout=("Nuestra administradora se fue, ¿quién me da los permisos del equipo?",),
    ),
    Queue.OTHER: Intent(
        "es",
        train=(
            "¿Tienen [trabajo|vacantes|prácticas] en {city}?",
            "Solo quería [dar las gracias|felicitarles], el {product} es estupendo.",
            "¿A qué hora abren [el sábado|la tienda de {city}]?",
        ),
        heldout=("Somos un colegio de {city} y nos gustaría visitar su fábrica.",),
    ),
}

ITALIAN = {
    Queue.BILLING: Intent(
        "it",
        train=(
            "Mi avete addebitato {amount} due volte [per l'ordine {order}|questo mese].",
            "Non ho ancora ricevuto il rimborso [di {amount}|dell'ordine {order}].",
        ),
        heldout=("Mi serve la fattura di {order} con la partita IVA corretta.",),
    ),
    Queue.SHIPPING: Intent(
        "it",
        train=(
            "Dov'è il mio pacco? [Ordine {order}|L'ho ordinato {n} settimane fa].",
            "Il {product} è arrivato [rotto|danneggiato].",
        ),
        heldout=("Il corriere non ha suonato e ha riportato tutto al deposito.",),
    ),
    Queue.TECHNICAL: Intent(
        "it",
        train=(
            "L'app [si chiude da sola|non si apre] [sul mio {device}|dopo l'aggiornamento].",
            "Compare l'errore {error} [quando salvo|all'avvio].",
        ),
        heldout=("Il {product} non si accende più, ho provato un'altra presa.",),
    ),
    Queue.ACCOUNT: Intent(
        "it",
        train=(
            "Ho dimenticato la password e [il link non funziona|la mail non arriva].",
            "Vorrei [eliminare il mio account|cambiare l'indirizzo email in {email}].",
        ),
        heldout=("Il mio profilo risulta bloccato dopo troppi tentativi.",),
    ),
    Queue.OTHER: Intent(
        "it",
        train=(
            "Avete un negozio a {city}?",
            "Volevo solo [ringraziarvi|fare i complimenti], il {product} è bellissimo.",
        ),
        heldout=("Cercate personale a {city}? Allego il curriculum.",),
    ),
}

PORTUGUESE = {
    Queue.BILLING: Intent(
        "pt",
        train=(
            "Fui cobrado duas vezes [pelo pedido {order}|este mês].",
            "Quando recebo o reembolso de {amount}?",
        ),
        heldout=("Há um débito de {amount} no meu cartão que não conheço.",),
    ),
    Queue.SHIPPING: Intent(
        "pt",
        train=("Onde está a minha encomenda {order}?", "O {product} chegou [partido|danificado]."),
        heldout=("A caixa veio vazia, faltava o {product}.",),
    ),
    Queue.TECHNICAL: Intent(
        "pt",
        train=(
            "O aplicativo [fecha sozinho|não abre] [no meu {device}|desde a atualização].",
            "Aparece o erro {error} quando tento guardar.",
        ),
        heldout=("O {product} não liga ao Wi-Fi de jeito nenhum.",),
    ),
    Queue.ACCOUNT: Intent(
        "pt",
        train=(
            "Esqueci a senha e [o e-mail não chega|o link expirou].",
            "Quero apagar a minha conta {email}.",
        ),
        heldout=("Não consigo entrar, diz que o utilizador não existe.",),
    ),
    Queue.OTHER: Intent(
        "pt",
        train=("Qual é o horário da loja em {city}?", "Só queria agradecer, adoro o {product}."),
        heldout=("Gostava de saber se procuram estagiários em {city}.",),
    ),
}
